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
}

// livez says whether the process is worth keeping. It asks neither NATS nor Graph:
// a restart does not mend those.
func (s *Server) livez(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Live != nil {
		if err := s.cfg.Live(); err != nil {
			http.Error(w, line("live", err), http.StatusServiceUnavailable)
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
	for _, check := range s.cfg.Ready {
		err := probe(r.Context(), check)
		if err != nil {
			status = http.StatusServiceUnavailable
		}
		lines = append(lines, line(check.Name, err))
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

// line is the outcome of a check, on one line whatever the error holds.
func line(name string, err error) string {
	if err == nil {
		return "[+]" + name + " ok"
	}
	return "[-]" + name + ": " + strings.Join(strings.Fields(err.Error()), " ")
}
