package graphclient

import (
	"net"
	"net/http"
	"time"
)

// Bounds of a single exchange with Graph or Entra.
const (
	dialTimeout   = 5 * time.Second
	tlsTimeout    = 5 * time.Second
	headerTimeout = 10 * time.Second
	totalTimeout  = 20 * time.Second // from dialling to the last byte of the body

	// A connection from which nothing came for so long is asked whether it lives,
	// and closed when it says nothing.
	pingAfter   = 10 * time.Second
	pingTimeout = 5 * time.Second

	maxHeader = 64 << 10
	maxBody   = 4 << 20  // decoded; 650 entries with everything are some 500 KiB
	maxRefuse = 64 << 10 // of a refusal's body
)

// NewTransport is the transport to hand to [TokensConfig] and [Config]: a time
// limit for each phase, HTTP/2, the proxy of the environment. One serves a whole
// process; it is safe for concurrent use.
//
// It undoes gzip by itself; readers bound what comes out, not what goes in.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    16,
		MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2:      true,
		// All requests share one HTTP/2 connection. When it dies without a word, a
		// firewall forgot it for instance, TCP alone notices after a quarter of an hour.
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
}

// bearer adds the Authorization header to requests for one origin and refuses
// to send any other request at all.
type bearer struct {
	home   string // as made by origin
	tokens *Tokens
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper. It tells the tokens what became of one.
func (b *bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	if b.home == "" || origin(req.URL) != b.home || req.Host != "" && req.Host != req.URL.Host {
		closeBody(req)
		return nil, &foreignHost{host: req.URL.Hostname()}
	}
	token, err := b.tokens.Token(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	req = req.Clone(req.Context()) // a RoundTripper must not change what it was given
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := b.next.RoundTrip(req)
	switch {
	case err != nil:
	case resp.StatusCode == http.StatusUnauthorized:
		b.tokens.Drop(token)
	case resp.StatusCode >= 200 && resp.StatusCode <= 299:
		b.tokens.accepted(token)
	}
	return resp, err
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
