package graphsim

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	oversize = 100_000_000
	bombSize = 1_000_000_000
	depth    = 100_000
)

// instead answers something else than what was asked for, if the fault is of such a kind. It reports whether it did.
func (s *Server) instead(a *reply, f *Fault) bool {
	if f == nil {
		return false
	}
	// Only after the body was read does net/http notice a client that goes away.
	_, _ = io.Copy(io.Discard, io.LimitReader(a.r.Body, maxBody))
	h := a.w.Header()
	if f.RetryAfter != "" {
		h.Set("Retry-After", f.RetryAfter)
	}
	switch f.Kind {
	case KindClockSkew:
		h.Set("Date", s.cfg.Now().Add(f.Skew).UTC().Format(http.TimeFormat))
		return false
	case KindInternalError:
		a.fail(http.StatusInternalServerError, "InternalServerError", "An internal server error occurred.")
	case KindBadGateway:
		h.Set("Content-Type", "text/html")
		a.w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(a.w, "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\r\n")
	case KindUnavailable:
		a.fail(http.StatusServiceUnavailable, "ServiceUnavailable", "The service is temporarily unavailable.")
	case KindGatewayTimeout:
		a.fail(http.StatusGatewayTimeout, "GatewayTimeout", "The gateway did not get an answer in time.")
	case KindThrottled:
		a.throttle()
	case KindUnauthorized:
		a.refuse(unauthorized("Access token validation failure."))
	case KindForbidden:
		a.fail(http.StatusForbidden, "Forbidden", "")
	case KindPoison:
		a.fail(http.StatusBadRequest, "BadRequest", "")
	case KindReset:
		reset(a.w)
	case KindHang:
		_ = pause(a.r.Context(), orDefault(f.Delay, 24*time.Hour))
		reset(a.w)
	case KindRedirect:
		h.Set("Location", f.URL)
		a.w.WriteHeader(http.StatusTemporaryRedirect)
	default:
		return a.nonsense(f)
	}
	return true
}

// nonsense answers 200 with a body that is not what was asked for, if the fault is of such a kind.
func (a *reply) nonsense(f *Fault) bool {
	a.markRight()
	switch f.Kind {
	case KindEmpty:
		a.w.WriteHeader(http.StatusOK)
	case KindWrongEntity:
		_, _ = io.WriteString(a.w, `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users/$entity","businessPhones":[],`+
			`"displayName":"Somebody Else","id":"48d31887-5fad-4d73-a9f5-3c356e68a038","userPrincipalName":"somebody@sim.example"}`)
	case KindOversized:
		a.flood(orDefault(f.Size, oversize))
	case KindGzipBomb:
		a.bomb(orDefault(f.Size, bombSize))
	case KindDeep:
		n := orDefault(f.Size, depth)
		_, _ = io.WriteString(a.w, `{"value":`+strings.Repeat("[", n)+strings.Repeat("]", n)+"}")
	default:
		return false
	}
	return true
}

const padding = 1 << 16

// flood writes valid JSON of at least size bytes, until the client has had enough.
func (a *reply) flood(size int) {
	_, err := io.WriteString(a.w, `{"value":[`)
	blank := bytes.Repeat([]byte(" "), padding)
	for written := 0; written < size && err == nil; written += len(blank) {
		_, err = a.w.Write(blank)
	}
	if err == nil {
		_, _ = io.WriteString(a.w, "]}")
	}
}

// bomb writes what flood writes, a thousand times smaller. A gzip stream may have many members, so one is packed once.
func (a *reply) bomb(size int) {
	const member = 1 << 20
	a.w.Header().Set("Content-Encoding", "gzip")
	_, err := a.w.Write(packed([]byte(`{"value":[`)))
	blank := packed(bytes.Repeat([]byte(" "), member))
	for written := 0; written < size && err == nil; written += member {
		_, err = a.w.Write(blank)
	}
	if err == nil {
		_, _ = a.w.Write(packed([]byte("]}")))
	}
}

func packed(plain []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	// A buffer takes everything.
	_, _ = w.Write(plain)
	_ = w.Close()
	return b.Bytes()
}

// deliver writes a right body, spoiled or delayed if the fault says so. Nil means that all of it left.
func (s *Server) deliver(a *reply, f *Fault, body []byte) error {
	if f == nil {
		return a.send(body)
	}
	switch f.Kind {
	case KindTruncated:
		return a.send(body[:len(body)/2])
	case KindTrailing:
		return a.send(append(body, "\n{\"value\":}"...))
	case KindCut:
		_ = a.send(body[:len(body)/2]) // the next line is what matters
		panic(http.ErrAbortHandler)
	case KindContentType:
		a.markRight()
		a.w.Header().Set("Content-Type", "text/html")
		return writeBody(a.w, body, false)
	case KindSlow:
		return a.drip(body, orDefault(f.Delay, time.Second))
	default:
		return a.send(body)
	}
}

// drip writes a body byte by byte.
func (a *reply) drip(body []byte, every time.Duration) error {
	a.markRight()
	for i := range body {
		if err := writeBody(a.w, body[i:i+1], false); err != nil {
			return err
		}
		if err := pause(a.r.Context(), every); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for d or for the client to give up, in which case it returns an error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reset ends the connection as if the machine had gone. Where there is no connection to take over, net/http's own way
// to abort an answer has to do.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	under := conn
	if secured, ok := conn.(*tls.Conn); ok {
		under = secured.NetConn()
	}
	if tcp, ok := under.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // closing sends a reset
	}
	_ = under.Close()
}
