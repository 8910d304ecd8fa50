package board_test

import (
	"context"
	"errors"
	"testing"

	"presenced/board"
)

func ok(context.Context) error { return nil }

func check(name string, probe func(context.Context) error) board.Check {
	return board.Check{Name: name, Probe: probe}
}

func ready(checks ...board.Check) func() []board.Check {
	return func() []board.Check { return checks }
}

func failing(text string) func(context.Context) error {
	return func(context.Context) error { return errors.New(text) }
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		checks  []board.Check
		status  int
		text    string
		verbose string
	}{
		{"no checks", nil, 200, "ok\n", ""},
		{"all hold", []board.Check{check("nats", ok), check("token", ok)}, 200, "ok\n", "[+]nats ok\n[+]token ok\n"},
		{"one fails", []board.Check{check("nats", ok), check("token", failing("contoso: no token")), check("store", ok)}, 503,
			"[+]nats ok\n[-]token: contoso: no token\n[+]store ok\n", "[+]nats ok\n[-]token: contoso: no token\n[+]store ok\n"},
		{"all fail", []board.Check{check("a", failing("x")), check("b", failing("y"))}, 503, "[-]a: x\n[-]b: y\n", "[-]a: x\n[-]b: y\n"},
		{"a cause of several lines", []board.Check{check("nats", failing("a\r\n[+]token ok\n\n  b"))}, 503,
			"[-]nats: a [+]token ok b\n", "[-]nats: a [+]token ok b\n"},
		{"a detail", []board.Check{{Name: "nats", Probe: ok, Detail: func() string { return "up\nsince 9" }}, {Name: "token", Probe: ok, Detail: func() string { return "" }}},
			200, "ok\n", "[+]nats ok (up since 9)\n[+]token ok\n"},
		{"a detail of what fails", []board.Check{{Name: "nats", Probe: failing("down"), Detail: func() string { return "for 3s" }}},
			503, "[-]nats: down (for 3s)\n", "[-]nats: down (for 3s)\n"},
		{"an error without words", []board.Check{check("nats", failing(""))}, 503, "[-]nats: \n", "[-]nats: \n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url := "http://" + serve(t, board.Config{Ready: ready(tt.checks...)}) + "/readyz"
			if status, text := get(t, url); status != tt.status || text != tt.text {
				t.Errorf("GET /readyz = %d %q, want %d %q", status, text, tt.status, tt.text)
			}
			if status, text := get(t, url+"?verbose"); status != tt.status || text != tt.verbose {
				t.Errorf("GET /readyz?verbose = %d %q, want %d %q", status, text, tt.status, tt.verbose)
			}
			if status, text := do(t, "HEAD", url, "", ""); status != tt.status || text != "" {
				t.Errorf("HEAD /readyz = %d %q, want %d and no body", status, text, tt.status)
			}
		})
	}
}

func TestReadyzAsksEachTime(t *testing.T) {
	t.Parallel()
	asked := 0
	probe := func(context.Context) error {
		if asked++; asked == 1 {
			return errors.New("not yet")
		}
		return nil
	}
	url := "http://" + serve(t, board.Config{Ready: ready(check("start", probe))}) + "/readyz"
	for _, want := range []int{503, 200, 200} {
		if status, _ := get(t, url); status != want {
			t.Errorf("GET /readyz = %d, want %d", status, want)
		}
	}
}

func TestLivez(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		live   func() error
		status int
		text   string
	}{
		{"nobody to ask", nil, 200, "ok\n"},
		{"alive", func() error { return nil }, 200, "ok\n"},
		{"stuck", func() error { return errors.New("contoso: no beat for 1m0s") }, 503, "[-]live: contoso: no beat for 1m0s\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// Readiness must not matter to it.
			addr := serve(t, board.Config{Live: tt.live, Ready: ready(check("nats", failing("down")))})
			if status, text := get(t, "http://"+addr+"/livez"); status != tt.status || text != tt.text {
				t.Errorf("GET /livez = %d %q, want %d %q", status, text, tt.status, tt.text)
			}
		})
	}
}
