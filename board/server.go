// Package board is what an operator sees of presenced over HTTP: whether it lives,
// whether it is ready, its metrics, and the one thing to change at run time, the
// log level. It listens on loopback and answers to the names of loopback only,
// unless told otherwise.
//
// It knows package presence and no other part of the daemon: those hand it
// functions ([Check]) and tell [Metrics] what happened.
package board

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// grace is how long a shutdown waits for answers under way.
const grace = 5 * time.Second

// Config is what the board shows and where.
type Config struct {
	Listen      string               // host:port, loopback unless AllowRemote; port 0 takes a free one
	AllowRemote bool                 // lets Listen, and the Host header of requests, be any
	Live        func() error         // why the process should be restarted; nil, or giving nil: it lives
	Ready       func() []Check       // asked in order, anew for each request; nil, or none: always ready
	Level       zap.AtomicLevel      // read and set at /log/level; the zero value: not served
	Registry    *prometheus.Registry // shown at /metrics; nil: not served
	Log         *zap.Logger          // nil: silent
}

// Server serves the board. Make one with [New], then Listen and Run.
type Server struct {
	cfg      Config
	http     *http.Server
	listener net.Listener
}

// New gives a Server that does not listen yet.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	s := &Server{cfg: cfg}
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          zap.NewStdLog(cfg.Log.Named("http")),
	}
	return s
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", s.livez)
	mux.HandleFunc("GET /readyz", s.readyz)
	if s.cfg.Registry != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{
			ErrorLog:            zap.NewStdLog(s.cfg.Log.Named("metrics")),
			MaxRequestsInFlight: 4,
		}))
	}
	if s.cfg.Level != (zap.AtomicLevel{}) {
		mux.Handle("GET /log/level", s.cfg.Level)
		mux.HandleFunc("PUT /log/level", s.setLevel)
	}
	// A page of another site, open in the operator's browser, can send requests
	// here. The guard keeps it from reading answers under a name of its own, the
	// protection from changing anything.
	handler := http.NewCrossOriginProtection().Handler(mux)
	if !s.cfg.AllowRemote {
		handler = loopbackHost(handler)
	}
	return noSniff(handler)
}

// setLevel is zap's own handler, with a bound on the body and a line in the log.
func (s *Server) setLevel(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
	before := s.cfg.Level.Level()
	s.cfg.Level.ServeHTTP(w, r)
	if after := s.cfg.Level.Level(); after != before {
		s.cfg.Log.Info("log level changed", zap.Stringer("from", before), zap.Stringer("to", after))
	}
}

// Listen takes the port, so that a port that is taken ends the start before any
// work has begun. Requests wait until [Server.Run].
//
// An error wraps syscall.EADDRINUSE if something else listens there.
func (s *Server) Listen() error {
	host, _, err := net.SplitHostPort(s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("http.listen: got %q, want host:port such as 127.0.0.1:8480", s.cfg.Listen)
	}
	if !s.cfg.AllowRemote && !isLoopback(host) {
		return fmt.Errorf("http.listen: %q can be reached from other machines: use 127.0.0.1, or set http.allow_remote behind a proxy that asks who is there", s.cfg.Listen)
	}
	s.listener, err = net.Listen("tcp", s.cfg.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("http.listen: %s is taken: stop what listens there or choose another port: %w", s.cfg.Listen, err)
	}
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	return nil
}

// Addr is the host:port that the Server listens on, "" before [Server.Listen].
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Run serves until ctx ends, then finishes the answers under way, for at most 5
// seconds, and gives nil. It listens first if Listen was not called. A Server runs
// once.
func (s *Server) Run(ctx context.Context) error {
	if s.listener == nil {
		if err := s.Listen(); err != nil {
			return err
		}
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if s.http.Shutdown(ending) != nil {
			s.http.Close()
		}
	})
	err := s.http.Serve(s.listener)
	if stop() { // ctx is alive: it ended by itself
		return fmt.Errorf("serve http on %s: %w", s.Addr(), err)
	}
	<-stopped
	return nil
}
