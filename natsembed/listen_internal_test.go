package natsembed

import (
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func TestParseListen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		listen string
		remote bool
		host   string
		port   int
		err    string // "" if it is accepted
	}{
		{listen: "", host: "127.0.0.1", port: server.RANDOM_PORT},
		{listen: "127.0.0.1:4222", host: "127.0.0.1", port: 4222},
		{listen: "127.0.0.1:0", host: "127.0.0.1", port: server.RANDOM_PORT},
		{listen: "127.9.9.9:65535", host: "127.9.9.9", port: 65535},
		{listen: "localhost:1", host: "127.0.0.1", port: 1},
		{listen: "[::1]:4222", host: "::1", port: 4222},
		{listen: "[::ffff:127.0.0.1]:4222", host: "::ffff:127.0.0.1", port: 4222},
		{listen: ":4222", err: "other machines"},
		{listen: "0.0.0.0:4222", err: "other machines"},
		{listen: "[::]:4222", err: "other machines"},
		{listen: "192.0.2.1:4222", err: "other machines"},
		{listen: "0.0.0.0:4222", remote: true, host: "0.0.0.0", port: 4222},
		{listen: ":4222", remote: true, host: "0.0.0.0", port: 4222},
		{listen: "127.0.0.1.evil.example:4222", err: "want localhost or an IP"},
		{listen: "localhost.evil.example:4222", remote: true, err: "want localhost or an IP"},
		{listen: "127.1:4222", err: "want localhost or an IP"},
		{listen: "127.0.0.1", err: "want host:port"},
		{listen: "::1:4222", err: "want host:port"},
		{listen: "nats://127.0.0.1:4222", err: "want host:port"},
		{listen: "127.0.0.1:", err: `got port ""`},
		{listen: "127.0.0.1:65536", err: `got port "65536"`},
		{listen: "127.0.0.1:-1", err: `got port "-1"`},
		{listen: "127.0.0.1:nats", err: `got port "nats"`},
	}
	for _, tt := range tests {
		host, port, err := parseListen(tt.listen, tt.remote)
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("parseListen(%q) = %v, want %q in it", tt.listen, err, tt.err)
			}
		case err != nil || host != tt.host || port != tt.port:
			t.Errorf("parseListen(%q) = %q, %d, %v, want %q, %d", tt.listen, host, port, err, tt.host, tt.port)
		}
	}
}

// Whatever is accepted without AllowRemote stays on this machine.
func FuzzParseListen(f *testing.F) {
	for _, seed := range []string{"", "127.0.0.1:4222", "[::1]:0", "0.0.0.0:1", "localhost:9", ":1", "a:b", "[::ffff:8.8.8.8]:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, listen string) {
		host, port, err := parseListen(listen, false)
		if err != nil {
			return
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			t.Errorf("parseListen(%q) accepts host %q", listen, host)
		}
		if port < -1 || port == 0 || port > 65535 {
			t.Errorf("parseListen(%q) gives port %d", listen, port)
		}
	})
}
