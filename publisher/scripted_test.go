package publisher_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"presenced/presence"
	"presenced/publisher"
)

// scriptedServer speaks just enough of the NATS protocol to see the very bytes
// that presenced sends, and to give answers that a single real server never does.
type scriptedServer struct {
	url string

	mu      sync.Mutex
	written []string // each published message: subject, headers, payload
	answers []string // to writes of the log, in turn; the last one stays
	stands  string   // the newest owner message; empty: none
}

func startScripted(t *testing.T, answers ...string) *scriptedServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &scriptedServer{url: "nats://" + l.Addr().String(), answers: answers}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *scriptedServer) serve(conn net.Conn) {
	defer conn.Close()
	fmt.Fprintf(conn, "INFO {\"server_id\":\"x\",\"version\":\"2.15.2\",\"headers\":true,\"max_payload\":1048576,\"jetstream\":true}\r\n")
	r := bufio.NewReader(conn)
	sid := ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		switch strings.ToUpper(f[0]) {
		case "PING":
			fmt.Fprint(conn, "PONG\r\n")
		case "SUB":
			sid = f[len(f)-1]
		case "PUB", "HPUB":
			var size int
			fmt.Sscan(f[len(f)-1], &size)
			body := make([]byte, size+2)
			for n := 0; n < len(body); {
				m, err := r.Read(body[n:])
				if err != nil {
					return
				}
				n += m
			}
			numbers := 1
			if f[0] == "HPUB" {
				numbers = 2
			}
			reply := ""
			if len(f) == 3+numbers {
				reply = f[2]
			}
			if answer := s.answer(f[1], string(body[:size]), reply != ""); answer != "" {
				fmt.Fprintf(conn, "MSG %s %s %d\r\n%s\r\n", reply, sid, len(answer), answer)
			}
		}
	}
}

// answer records a write of the log and gives the reply to it, if one is asked for.
func (s *scriptedServer) answer(subject, body string, wanted bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case strings.HasPrefix(subject, "$JS.API.STREAM.INFO."):
		return fmt.Sprintf(`{"type":"io.nats.jetstream.api.v1.stream_info_response","created":"2026-11-23T09:00:00Z","config":{"name":%q},"state":{}}`, strings.TrimPrefix(subject, "$JS.API.STREAM.INFO."))
	case strings.HasPrefix(subject, "$JS.API.STREAM.MSG.GET.") && s.stands != "":
		return s.stands
	case strings.HasPrefix(subject, "$JS.API.STREAM.MSG.GET."):
		return `{"type":"io.nats.jetstream.api.v1.stream_msg_get_response","error":{"code":404,"err_code":10037,"description":"no message found"}}`
	case strings.HasPrefix(subject, "$JS.API"):
		return `{}`
	}
	s.written = append(s.written, subject+"\n"+body)
	if !wanted {
		return ""
	}
	a := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	return a
}

// stand has an owner message of epoch 1 be the newest.
func (s *scriptedServer) stand(t *testing.T, sequence int) {
	t.Helper()
	data, err := json.Marshal(presence.Owner{Replica: "r1", Epoch: 1, N: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stands = fmt.Sprintf(`{"message":{"subject":"presenced.owner.contoso","seq":%d,"data":%q}}`, sequence, base64.StdEncoding.EncodeToString(data))
}

// acquire takes the tenant over with a write that is stored at 8. From then on there
// is no owner message.
func (s *scriptedServer) acquire(t *testing.T, c *publisher.Chain, seen presence.Owner) {
	t.Helper()
	s.stand(t, 8)
	if _, err := c.Acquire(t.Context(), seen, presence.Ledger{}); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stands = ""
}

func (s *scriptedServer) chain(t *testing.T, timeout time.Duration) *publisher.Chain {
	t.Helper()
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: "test", URL: s.url}, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if err := conn.AwaitConnected(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := config
	cfg.Manage = publisher.ManageOff
	log, _, err := publisher.Open(t.Context(), conn, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return publisher.NewChain(log, publisher.ChainConfig{Tenant: tenant, Replica: "r1", Timeout: timeout})
}
