package board

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// probeTime is how long one check may take.
const probeTime = 2 * time.Second

// Check is one condition of readiness.
type Check struct {
	Name  string                          // shown; one word as a rule
	Probe func(ctx context.Context) error // the cause, for people, if it does not hold; returns when ctx ends; safe for concurrent use

	// Detail is what else there is to know, shown wherever the check is. Nil, or "":
	// nothing. It must not block, and is safe for concurrent use.
	Detail func() string
}

// livez says whether the process is worth keeping. It asks neither NATS nor Graph:
// a restart does not mend those.
func (s *Server) livez(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Live != nil {
		if err := s.cfg.Live(); err != nil {
			http.Error(w, line(Check{Name: "live"}, err), http.StatusServiceUnavailable)
			return
		}
	}
	io.WriteString(w, "ok\n")
}

// readyz is short while all is well, and says everything if it is not or if it is
// asked with ?verbose.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	var lines []string
	status := http.StatusOK
	for _, check := range s.checks() {
		err := probe(r.Context(), check)
		if err != nil {
			status = http.StatusServiceUnavailable
		}
		lines = append(lines, line(check, err))
	}
	if status == http.StatusOK && !r.URL.Query().Has("verbose") {
		lines = []string{"ok"}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	for _, text := range lines {
		fmt.Fprintln(w, text)
	}
}

func probe(ctx context.Context, check Check) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	return check.Probe(ctx)
}

// checks are the conditions that hold or not now: what there is to check can change.
func (s *Server) checks() []Check {
	if s.cfg.Ready == nil {
		return nil
	}
	return s.cfg.Ready()
}

// line is the outcome of a check, on one line whatever the error holds.
func line(c Check, err error) string {
	text := "[+]" + c.Name + " ok"
	if err != nil {
		text = "[-]" + c.Name + ": " + oneLine(err.Error())
	}
	if c.Detail != nil {
		if detail := oneLine(c.Detail()); detail != "" {
			text += " (" + detail + ")"
		}
	}
	return text
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
