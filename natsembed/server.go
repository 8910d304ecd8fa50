// Package natsembed runs a NATS server with JetStream inside this process, for
// whoever has none: reachable from this machine only, every acknowledged message
// on disk, and a store that no second process can open.
//
// It knows nothing of presence. Clients connect over TCP to [Server.ClientURL], or
// without a socket by handing the Server to nats.InProcessServer.
package natsembed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
)

// Version is the version of the embedded NATS server, such as "2.15.2".
const Version = server.VERSION

// maxPayload is the server's own default. Events stay below 4 KiB and answers of
// the JetStream API are not bound by it, so 64 KiB would do for presenced; but
// "nats stream restore" sends pieces of 512 KiB, and a backup that cannot be put
// back is none.
const maxPayload = 1 << 20

// maxMemory bounds streams kept in memory, of which presenced has none.
const maxMemory = 64 << 20

// Config is what the server needs to know.
type Config struct {
	StoreDir    string      // where everything is kept; created with mode 0700
	Listen      string      // host:port, loopback unless AllowRemote; port 0 takes a free one; "" listens nowhere
	AllowRemote bool        // lets Listen be reachable from other machines; there is no password
	MaxStore    int64       // bytes all streams may use; 0, or more than this: 80 % of what is free on the disk, the store's own included
	Relaxed     bool        // sync to disk every 2 minutes instead of before each acknowledgement
	Log         *zap.Logger // nil: silent
}

// Server is a running NATS server. It is safe for concurrent use.
type Server struct {
	nats    *server.Server
	store   *store
	listens bool
	log     *zap.Logger
	once    sync.Once

	mu      sync.Mutex       // guards what follows
	losses  map[string]loss  // by stream; nil: the streams were not compared with the mark
	away    map[string]reach // by stream: how far those went that the server did not take up
	doubted string           // the stream that is in doubt; "": none

	checking sync.Mutex
	safe     map[string]reach // of the check before: what is surely on disk; nil: there was none
}

// Start opens the store and runs a server on it, ready when Start returns. The
// server lives until [Server.Close]; ctx is asked only before the work begins,
// because a store is never left half recovered.
//
// [ErrLocked] in the error means that another process has the store,
// fs.ErrPermission that it belongs to another user, syscall.EADDRINUSE that the
// port is taken.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start embedded nats: %w", err)
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	host, port, err := parseListen(cfg.Listen, cfg.AllowRemote)
	if err != nil {
		return nil, err
	}
	st, err := openStore(cfg.StoreDir)
	if err != nil {
		return nil, err
	}
	maxStore, err := st.quota(cfg.MaxStore)
	if err != nil {
		st.close()
		return nil, err
	}
	warn(cfg, host, st)
	if maxStore < cfg.MaxStore {
		cfg.Log.Warn("embedded nats gets a smaller quota than configured, so that it is reached before the disk is full",
			zap.String("store", st.dir), zap.Int64("configured", cfg.MaxStore), zap.Int64("quota", maxStore))
	}
	doubted, err := st.distrust()
	if err != nil {
		st.close()
		return nil, err
	}
	s := &Server{store: st, listens: cfg.Listen != "", log: cfg.Log}
	if err := s.run(options(cfg, host, port, st.dir, maxStore), cfg.Log); err != nil {
		s.Close()
		return nil, explainListen(err, cfg.Listen)
	}
	if err := s.compare(doubted, cfg.Log); err != nil {
		s.Close()
		return nil, err
	}
	st.trust()
	if err := s.Healthz(); err != nil {
		cfg.Log.Warn("embedded nats started with damage", zap.Error(err))
	}
	return s, nil
}

func options(cfg Config, host string, port int, dir string, maxStore int64) *server.Options {
	return &server.Options{
		ServerName:             "presenced",
		Host:                   host,
		Port:                   port,
		DontListen:             cfg.Listen == "",
		NoSigs:                 true,
		MaxPayload:             maxPayload,
		JetStream:              true,
		StoreDir:               dir,
		JetStreamMaxMemory:     maxMemory,
		JetStreamMaxStore:      maxStore,
		SyncAlways:             !cfg.Relaxed,
		DisableJetStreamBanner: true,
	}
}

func (s *Server) run(opts *server.Options, log *zap.Logger) error {
	ns, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("configure embedded nats: %w", err)
	}
	s.nats = ns
	bridge := newBridge(log)
	// Debug lines are always asked for, because the level can change at run time;
	// traces never, because they show payloads.
	ns.SetLoggerV2(bridge, true, false, false)
	ns.Start()
	if err := bridge.started(); err != nil {
		return fmt.Errorf("start embedded nats in %s: %w", opts.StoreDir, err)
	}
	return nil
}

// warn says at every start what weakens the promises.
func warn(cfg Config, host string, st *store) {
	if cfg.Relaxed {
		cfg.Log.Warn("embedded nats runs with relaxed durability: a power cut loses up to 2 minutes of acknowledged events, or a whole stream")
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsLoopback() {
		cfg.Log.Warn("embedded nats is open to other machines, without password or encryption", zap.String("listen", cfg.Listen))
	}
	if why := st.volatile(); why != "" {
		cfg.Log.Warn("embedded nats cannot promise durability on this file system",
			zap.String("store", st.dir), zap.String("why", why))
	}
}

// ClientURL is where clients on this machine connect, "" if the server listens
// nowhere.
func (s *Server) ClientURL() string {
	if !s.listens {
		return ""
	}
	return s.nats.ClientURL()
}

// InProcessConn gives a connection that uses no socket. It makes a Server what
// nats.InProcessServer asks for.
func (s *Server) InProcessConn() (net.Conn, error) { return s.nats.InProcessConn() }

// Healthz is nil if the server takes connections, every stream in the store was
// recovered and none has stopped after a write error, such as a full disk. Space
// that comes back does not mend a stopped stream: Close and Start do. A stream
// whose configuration was damaged is mended by creating it again: its messages are
// still there and the server takes them in.
func (s *Server) Healthz() error {
	h := s.nats.Healthz(nil)
	if h.StatusCode == http.StatusInternalServerError {
		// The server allows 1 ms to look at its own listener, which a busy machine
		// may not grant.
		h = s.nats.Healthz(nil)
	}
	if h.Error != "" {
		return fmt.Errorf("embedded nats in %s: %s", s.store.dir, h.Error)
	}
	return nil
}

// StoreDir is the absolute path of the store.
func (s *Server) StoreDir() string { return s.store.dir }

// Close stops the server, waits until it has stopped and gives the store free.
// Calls after the first wait for it and do nothing.
func (s *Server) Close() {
	s.once.Do(func() {
		if s.nats != nil {
			end := s.reached()
			s.nats.Shutdown()
			s.nats.WaitForShutdown()
			if s.compared() && s.store.here() == nil {
				_ = s.store.mark(end, os.WriteFile) // the one before holds too
			}
		}
		s.store.close()
	})
}

// storeError adds to an error of the file system what to do about it.
func storeError(doing, path string, err error) error {
	return fmt.Errorf("%s %s: %w%s", doing, path, cause(err), advice(err))
}

// cause strips the path that storeError names already.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
