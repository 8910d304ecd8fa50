package board_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"presenced/board"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// serve runs a board on loopback until the test ends and returns its host:port.
func serve(t testing.TB, cfg board.Config) string {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	s := board.New(cfg)
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil after its context ended", err)
		}
	})
	return s.Addr()
}

func do(t testing.TB, method, url, contentType, body string, header ...string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("%s %s: X-Content-Type-Options = %q", method, url, got)
	}
	return resp.StatusCode, string(answer)
}

func get(t testing.TB, url string) (status int, text string) {
	t.Helper()
	return do(t, http.MethodGet, url, "", "")
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, contentType, body string
		header                  []string
		status                  int
		want                    zapcore.Level // afterwards; info before
	}{
		{"json", "application/json", `{"level":"debug"}`, nil, 200, zap.DebugLevel},
		{"form", "application/x-www-form-urlencoded", "level=warn", nil, 200, zap.WarnLevel},
		{"same level", "", `{"level":"info"}`, nil, 200, zap.InfoLevel},
		{"same origin", "", `{"level":"debug"}`, []string{"Sec-Fetch-Site", "same-origin"}, 200, zap.DebugLevel},
		{"no such level", "", `{"level":"loud"}`, nil, 400, zap.InfoLevel},
		{"no level", "", `{}`, nil, 400, zap.InfoLevel},
		{"no body", "", ``, nil, 400, zap.InfoLevel},
		{"no json", "", `level=debug`, nil, 400, zap.InfoLevel},
		{"big body", "", `{"` + strings.Repeat("x", 2000) + `":1,"level":"debug"}`, nil, 400, zap.InfoLevel},
		{"another site", "", `{"level":"debug"}`, []string{"Sec-Fetch-Site", "cross-site"}, 403, zap.InfoLevel},
		{"another port", "", `{"level":"debug"}`, []string{"Sec-Fetch-Site", "same-site"}, 403, zap.InfoLevel},
		{"another origin, old browser", "", `{"level":"debug"}`, []string{"Origin", "http://evil.example"}, 403, zap.InfoLevel},
		{"null origin", "", `{"level":"debug"}`, []string{"Origin", "null"}, 403, zap.InfoLevel},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			level := zap.NewAtomicLevelAt(zap.InfoLevel)
			core, logs := observer.New(zapcore.InfoLevel)
			url := "http://" + serve(t, board.Config{Level: level, Log: zap.New(core)}) + "/log/level"
			status, text := do(t, http.MethodPut, url, tt.contentType, tt.body, tt.header...)
			if status != tt.status || level.Level() != tt.want {
				t.Errorf("PUT = %d %s and level %v, want %d and %v", status, text, level.Level(), tt.status, tt.want)
			}
			if status, text := get(t, url); status != 200 || !strings.Contains(text, `"`+tt.want.String()+`"`) {
				t.Errorf("GET = %d %s, want the level %v", status, text, tt.want)
			}
			changed := 0
			if tt.want != zap.InfoLevel {
				changed = 1
			}
			if got := logs.FilterMessage("log level changed").Len(); got != changed {
				t.Errorf("%d lines in the log, want %d", got, changed)
			}
		})
	}
}

func TestGetChangesNothing(t *testing.T) {
	t.Parallel()
	level := zap.NewAtomicLevelAt(zap.InfoLevel)
	url := "http://" + serve(t, board.Config{Level: level})
	for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "PATCH", "OPTIONS"} {
		do(t, method, url+"/log/level?level=debug", "application/x-www-form-urlencoded", "level=debug")
		if level.Level() != zap.InfoLevel {
			t.Fatalf("%s changed the level", method)
		}
	}
}

func TestNotServedWithoutItsPart(t *testing.T) {
	t.Parallel()
	addr := serve(t, board.Config{})
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/metrics": 404, "/log/level": 404, "/": 404} {
		if status, _ := get(t, "http://"+addr+path); status != want {
			t.Errorf("GET %s = %d, want %d", path, status, want)
		}
	}
}

func TestMetricsAreServed(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	board.NewMetrics(registry, board.Build{Version: "1.2.3", NATS: "2.15.2"})
	status, text := get(t, "http://"+serve(t, board.Config{Registry: registry})+"/metrics")
	if status != 200 {
		t.Fatalf("GET /metrics = %d %s", status, text)
	}
	for _, want := range []string{`version="1.2.3"`, `nats_version="2.15.2"`, "presenced_nats_connected 0", "go_goroutines ", "process_cpu_seconds_total "} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestListenRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct{ listen, want string }{
		{"", "want host:port"},
		{"8480", "want host:port"},
		{"::1:8480", "want host:port"},
		{":8480", "other machines"},
		{"0.0.0.0:8480", "other machines"},
		{"[::]:8480", "other machines"},
		{"192.0.2.1:8480", "other machines"},
		{"localhost.evil.example:8480", "other machines"},
		{"127.0.0.1.evil.example:8480", "other machines"},
		{"127.0.0.1:70000", "invalid port"},
		{"127.0.0.1:x", "x"},
	}
	for _, tt := range tests {
		s := board.New(board.Config{Listen: tt.listen})
		if err := s.Listen(); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "http.listen: ") {
			t.Errorf("Listen on %q = %v, want %q in it", tt.listen, err, tt.want)
		}
		if s.Addr() != "" {
			t.Errorf("Addr() = %q after a refusal", s.Addr())
		}
		if err := s.Run(t.Context()); err == nil {
			t.Errorf("Run on %q = nil", tt.listen)
		}
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	t.Parallel()
	addr := serve(t, board.Config{})
	err := board.New(board.Config{Listen: addr}).Listen()
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), addr+" is taken") {
		t.Errorf("Listen on a taken port = %v, want EADDRINUSE naming %s", err, addr)
	}
}

func TestRunListensByItself(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := board.New(board.Config{Listen: "localhost:0"}).Run(ctx); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

func TestShutdownFinishesAnswers(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	probe := func(context.Context) error {
		close(asked)
		<-answer
		return nil
	}
	s := board.New(board.Config{Listen: "127.0.0.1:0", Ready: ready(board.Check{Name: "slow", Probe: probe})})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	got := make(chan string, 1)
	go func() {
		status, text := get(t, "http://"+s.Addr()+"/readyz")
		got <- http.StatusText(status) + " " + text
	}()
	<-asked
	cancel()
	for { // until nobody listens any more
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			break
		}
		conn.Close()
	}
	close(answer)
	if text := <-got; text != "OK ok\n" {
		t.Errorf("the answer under way was %q", text)
	}
	if err := <-ran; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}
