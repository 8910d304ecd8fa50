package graphsim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.yaml.in/yaml/v4"
)

// newControl builds the interface under /_sim/. Requests from other web pages are refused, so that a browser on the
// same machine cannot be tricked into steering the simulation.
func (s *Server) newControl() http.Handler {
	mux := http.NewServeMux()
	read := func(path string, get func() any) {
		mux.HandleFunc("GET /_sim/"+path, func(w http.ResponseWriter, _ *http.Request) { writeControl(w, http.StatusOK, get()) })
	}
	read("served", func() any { return s.Served() })
	read("stats", func() any { return s.Stats() })
	read("users", func() any { return s.Users("") })
	read("faults", func() any { return s.Faults() })
	read("clock", func() any { return s.clockState() })
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Heal()
		writeControl(w, http.StatusOK, s.Faults())
	})
	mux.HandleFunc("GET /_sim/device", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `Nobody signs in here. Approve with POST /_sim/device {"user_code": "…", "user": "…"}.`+"\n")
	})
	mux.HandleFunc("POST /_sim/faults", command(s.Inject))
	mux.HandleFunc("POST /_sim/presence", command(s.Apply))
	mux.HandleFunc("POST /_sim/clock", command(s.turnClock))
	mux.HandleFunc("POST /_sim/device", command(s.decideDevice))
	mux.HandleFunc("POST /_sim/revoke", command(s.revokeTokens))
	return http.NewCrossOriginProtection().Handler(mux)
}

// command makes a handler that reads a T and carries it out. JSON is YAML, so one strict decoder serves scripts and
// requests; unknown keys are refused.
func command[T any](carryOut func(T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			writeControl(w, http.StatusRequestEntityTooLarge, controlError{"reading the request: " + err.Error()})
			return
		}
		request, err := parseCommand[T](body)
		if err == nil {
			err = carryOut(request)
		}
		if err != nil {
			writeControl(w, http.StatusBadRequest, controlError{err.Error()})
			return
		}
		writeControl(w, http.StatusOK, struct{}{})
	}
}

func parseCommand[T any](body []byte) (T, error) {
	var request T
	if err := yaml.Load(body, &request, yaml.WithKnownFields()); err != nil {
		return request, fmt.Errorf("reading the request: %w", err)
	}
	return request, nil
}

type controlError struct {
	Error string `json:"error"`
}

func writeControl(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the client may be gone; there is nobody to tell
}

// clockState is what GET /_sim/clock says.
type clockState struct {
	Simulated time.Time `json:"simulated"`
	Frozen    bool      `json:"frozen"`
}

func (s *Server) clockState() clockState {
	now, frozen := s.people.simulated()
	return clockState{now, frozen}
}

type clockCommand struct {
	Frozen  *bool         `yaml:"frozen"` // absent: as it is
	Advance time.Duration `yaml:"advance"`
}

func (s *Server) turnClock(c clockCommand) error {
	const year = 366 * 24 * time.Hour
	if c.Advance < 0 || c.Advance > year {
		return fmt.Errorf("turning the clock: advance: got %v, want 0 to %v", c.Advance, year)
	}
	s.people.turn(c.Frozen, c.Advance)
	return nil
}

type deviceCommand struct {
	UserCode string `yaml:"user_code"`
	User     string `yaml:"user"` // id or user principal name
	Decline  bool   `yaml:"decline"`
}

func (s *Server) decideDevice(c deviceCommand) error {
	if c.Decline {
		return s.DeclineDevice(c.UserCode)
	}
	return s.ApproveDevice(c.UserCode, c.User)
}

type revokeCommand struct {
	Tenant string `yaml:"tenant"`
}

func (s *Server) revokeTokens(c revokeCommand) error {
	id := s.tenantID(c.Tenant)
	if id == "" {
		return fmt.Errorf("revoking tokens: tenant: got %q, want the id or domain of a simulated tenant", c.Tenant)
	}
	s.RevokeTokens(id)
	return nil
}
