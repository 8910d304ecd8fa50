package publisher

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"
	"go.uber.org/zap"
)

// ConnectionConfig says how to reach NATS. Exactly one of URL, Context and Server
// is used, in the order Server, Context, URL.
type ConnectionConfig struct {
	Name    string                          // shown by the server, e.g. presenced/host/4711
	URL     string                          // one or several, comma separated
	Context string                          // a context of the nats CLI, by name or absolute path
	Server  nats.InProcessConnProvider      // the embedded server; nil: none
	Options []nats.Option                   // credentials and TLS
	Changed func(connected bool, err error) // told of every connect and disconnect; may be nil
}

// Connection is a NATS connection that never gives up: it retries the first
// connect, reconnects for ever, and buffers nothing while it is away, because a
// message sent after its caller gave up is a message nobody expects.
//
// It is safe for concurrent use.
type Connection struct {
	*nats.Conn
	cause  atomic.Pointer[error] // why it does not stand; nil: it does, or nothing is known
	log    *zap.Logger
	denied atomic.Pointer[denial]
	said   map[string]time.Time // when what was logged of the connection
}

// Connect starts to connect and returns at once; an error means that the
// configuration cannot work (a bad URL, unreadable credentials).
func Connect(cfg ConnectionConfig, log *zap.Logger) (*Connection, error) {
	c := &Connection{log: log, said: map[string]time.Time{}}
	changed := cfg.Changed
	if changed == nil {
		changed = func(bool, error) {}
	}
	tell := changed
	changed = func(connected bool, err error) {
		c.cause.Store(nil)
		if err != nil {
			c.cause.Store(&err)
		}
		tell(connected, err)
	}
	opts := []nats.Option{
		nats.Name(cfg.Name),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, time.Second),
		nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(), // credentials are rotated, servers forget: keep trying
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.Timeout(5 * time.Second),
		nats.ConnectHandler(func(*nats.Conn) { changed(true, nil) }),
		nats.ReconnectHandler(func(*nats.Conn) { changed(true, nil) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { changed(false, err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { changed(false, err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.hear(err, time.Now()) }),
	}
	opts = append(opts, cfg.Options...)
	nc, err := dial(cfg, opts)
	if err != nil {
		return nil, fmt.Errorf("connect to nats at %s: %w", cfg.Where(), err)
	}
	c.Conn = nc
	return c, nil
}

func dial(cfg ConnectionConfig, opts []nats.Option) (*nats.Conn, error) {
	switch {
	case cfg.Server != nil:
		return nats.Connect("", append(opts, nats.InProcessServer(cfg.Server))...)
	case cfg.Context != "":
		nc, _, err := natscontext.Connect(cfg.Context, opts...)
		return nc, err
	}
	return nats.Connect(cfg.URL, opts...)
}

// AwaitConnected blocks until the connection stands or ctx ends.
func (c *Connection) AwaitConnected(ctx context.Context) error {
	status := c.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer c.RemoveStatusListener(status)
	for !c.IsConnected() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-status:
			if c.IsClosed() {
				return nats.ErrConnectionClosed
			}
		}
	}
	return nil
}

// Versions that matter for the promise.
const (
	minServer     = "2.12.0" // atomic batches exist
	promiseServer = "2.15.2" // one fsync a batch, fixes the promise stands on
)

// CheckServer refuses a server without atomic batches, and returns a warning for
// one on which the promise of docs/guarantees.md has not been shown to hold.
func (c *Connection) CheckServer() (warning string, err error) {
	v := c.ConnectedServerVersion()
	if older(v, minServer) {
		return "", fmt.Errorf("nats-server %s is too old: atomic batches need %s; upgrade to %s or later", v, minServer, promiseServer)
	}
	if older(v, promiseServer) {
		return fmt.Sprintf("nats-server %s works, but docs/guarantees.md was shown on %s: upgrade for the whole promise", v, promiseServer), nil
	}
	return "", nil
}

// older compares dotted versions by their first three numbers; a pre-release
// counts as its release.
func older(v, than string) bool {
	var a, b [3]int
	fmt.Sscanf(strings.TrimPrefix(v, "v"), "%d.%d.%d", &a[0], &a[1], &a[2])
	fmt.Sscanf(than, "%d.%d.%d", &b[0], &b[1], &b[2])
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// Where names the server without whatever secret a URL may carry.
func (cfg ConnectionConfig) Where() string {
	switch {
	case cfg.Server != nil:
		return "the embedded server"
	case cfg.Context != "":
		return "context " + cfg.Context
	}
	var hosts []string
	for part := range strings.SplitSeq(cfg.URL, ",") {
		if u, err := url.Parse(strings.TrimSpace(part)); err == nil {
			hosts = append(hosts, u.Host)
		}
	}
	return strings.Join(hosts, ",")
}
