package board_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"presenced/board"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Every request is written byte by byte, because a proper client would not send it.
// PORT stands for the board's port.
var hostile = []struct {
	name    string
	request string
	status  int
}{
	{"rebound name", "GET /readyz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
	{"rebound name with our port", "GET /metrics HTTP/1.1\r\nHost: evil.example:PORT\r\n\r\n", 421},
	{"prefix of a loopback address", "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 421},
	{"prefix of localhost", "GET /metrics HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 421},
	{"suffix of localhost", "GET /metrics HTTP/1.1\r\nHost: evil-localhost\r\n\r\n", 421},
	{"localhost with a dot", "GET /metrics HTTP/1.1\r\nHost: localhost.\r\n\r\n", 421},
	{"subdomain of localhost", "GET /metrics HTTP/1.1\r\nHost: evil.localhost\r\n\r\n", 421},
	{"unspecified address", "GET /metrics HTTP/1.1\r\nHost: 0.0.0.0:PORT\r\n\r\n", 421},
	{"unspecified address, v6", "GET /metrics HTTP/1.1\r\nHost: [::]:PORT\r\n\r\n", 421},
	{"address in decimal", "GET /metrics HTTP/1.1\r\nHost: 2130706433\r\n\r\n", 421},
	{"address in octal", "GET /metrics HTTP/1.1\r\nHost: 0177.0.0.1\r\n\r\n", 421},
	{"short address", "GET /metrics HTTP/1.1\r\nHost: 127.1\r\n\r\n", 421},
	{"private address", "GET /metrics HTTP/1.1\r\nHost: 192.168.0.1:PORT\r\n\r\n", 421},
	{"mapped foreign address", "GET /metrics HTTP/1.1\r\nHost: [::ffff:8.8.8.8]\r\n\r\n", 421},
	{"bare v6 address", "GET /metrics HTTP/1.1\r\nHost: ::1\r\n\r\n", 421},
	{"v4 address in brackets", "GET /metrics HTTP/1.1\r\nHost: [127.0.0.1]\r\n\r\n", 421},
	{"open bracket", "GET /metrics HTTP/1.1\r\nHost: [::1\r\n\r\n", 421},
	{"port that is none", "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:evil\r\n\r\n", 421},
	{"empty port", "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:\r\n\r\n", 421},
	{"two ports", "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:80:80\r\n\r\n", 421},
	{"userinfo", "GET /metrics HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n", 400},
	{"two names", "GET /metrics HTTP/1.1\r\nHost: localhost, evil.example\r\n\r\n", 400},
	{"empty host", "GET /metrics HTTP/1.1\r\nHost: \r\n\r\n", 421},
	{"no host in HTTP/1.0", "GET /metrics HTTP/1.0\r\n\r\n", 421},
	{"foreign target in absolute form", "GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 421},
	{"no host", "GET /metrics HTTP/1.1\r\n\r\n", 400},
	{"two hosts", "GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400},
	{"control character in the host", "GET /metrics HTTP/1.1\r\nHost: local\x01host\r\n\r\n", 400},
	{"header without colon", "GET /livez HTTP/1.1\r\nHost: localhost\r\nevil\r\n\r\n", 400},
	{"two lengths", "PUT /log/level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400},
	{"unknown transfer encoding", "PUT /log/level HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: evil\r\n\r\n", 501},
	{"no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 421},
	{"large header", "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 32<<10) + "\r\n\r\n", 431},
	{"many headers", "GET /livez HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X: y\r\n", 6<<10) + "\r\n", 431},
	{"long target", "GET /" + strings.Repeat("x", 32<<10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431},
	{"foreign origin", "PUT /log/level HTTP/1.1\r\nHost: localhost:PORT\r\nOrigin: http://evil.example\r\nContent-Length: 17\r\n\r\n{\"level\":\"debug\"}", 403},
	{"origin of another port", "PUT /log/level HTTP/1.1\r\nHost: localhost:PORT\r\nOrigin: http://localhost:1\r\nContent-Length: 17\r\n\r\n{\"level\":\"debug\"}", 403},
	{"cross-site form", "POST /log/level HTTP/1.1\r\nHost: localhost:PORT\r\nSec-Fetch-Site: cross-site\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\nlevel=debug", 403},
	{"method in disguise", "POST /log/level HTTP/1.1\r\nHost: localhost\r\nX-HTTP-Method-Override: PUT\r\nContent-Length: 17\r\n\r\n{\"level\":\"debug\"}", 405},
	{"lower-case method", "put /log/level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n{\"level\":\"debug\"}", 405},
	{"preflight", "OPTIONS /log/level HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n", 405},
	{"trace", "TRACE /livez HTTP/1.1\r\nHost: localhost\r\nCookie: secret\r\n\r\n", 405},
	{"delete", "DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
	{"tunnel", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 421},
	{"tunnel to ourselves", "CONNECT localhost:PORT HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", 404},
	{"path out of the tree", "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 307},
	{"encoded path out of the tree", "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
	{"redirect to another host", "GET //evil.example/%2e%2e HTTP/1.1\r\nHost: localhost\r\n\r\n", 307},
	{"profiles", "GET /debug/pprof/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	board.NewMetrics(registry, board.Build{Version: "canary"})
	level := zap.NewAtomicLevelAt(zap.InfoLevel)
	addr := serve(t, board.Config{Registry: registry, Level: level})
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := exchange(t, addr, tt.request)
			if resp.StatusCode != tt.status {
				t.Errorf("status = %d, want %d; body %q", resp.StatusCode, tt.status, body)
			}
			if strings.Contains(body, "canary") {
				t.Error("the answer shows the metrics")
			}
			if strings.Contains(body, "evil.example") && tt.status >= 400 {
				t.Errorf("the refusal repeats what was sent: %q", body)
			}
			if to := resp.Header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "://") {
				t.Errorf("redirect to %q", to)
			}
			for name := range resp.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("the answer has %s", name)
				}
			}
			if level.Level() != zap.InfoLevel {
				t.Fatal("the log level changed")
			}
		})
	}
}

func exchange(t *testing.T, addr, request string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, port, _ := net.SplitHostPort(addr)
	// The server may well answer and hang up before it has read everything.
	go io.WriteString(conn, strings.ReplaceAll(request, "PORT", port))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp, string(body)
}

func TestOwnNamesAreAnswered(t *testing.T) {
	t.Parallel()
	addr := serve(t, board.Config{})
	_, port, _ := net.SplitHostPort(addr)
	for _, host := range []string{"localhost", "LOCALHOST", "localhost:" + port, "127.0.0.1", "127.0.0.1:" + port, "127.3.2.1", "[::1]", "[::1]:1", "[::ffff:127.0.0.1]"} {
		resp, body := exchange(t, addr, fmt.Sprintf("GET /livez HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host))
		if resp.StatusCode != 200 {
			t.Errorf("Host %s: status = %d, %s", host, resp.StatusCode, body)
		}
	}
}

func TestAllowRemote(t *testing.T) {
	t.Parallel()
	level := zap.NewAtomicLevelAt(zap.InfoLevel)
	addr := serve(t, board.Config{AllowRemote: true, Level: level})
	if resp, body := exchange(t, addr, "GET /livez HTTP/1.1\r\nHost: presenced.example:8480\r\nConnection: close\r\n\r\n"); resp.StatusCode != 200 {
		t.Errorf("foreign host: status = %d, %s", resp.StatusCode, body)
	}
	request := "PUT /log/level HTTP/1.1\r\nHost: presenced.example\r\nOrigin: http://evil.example\r\nContent-Length: 17\r\n\r\n{\"level\":\"debug\"}"
	if resp, _ := exchange(t, addr, request); resp.StatusCode != 403 || level.Level() != zap.InfoLevel {
		t.Errorf("foreign origin: status = %d, level %v; want 403 and no change", resp.StatusCode, level.Level())
	}
}
