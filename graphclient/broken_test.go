package graphclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// What breaks an exchange is told in our own words, whatever the error quotes.
func TestBrokenBy(t *testing.T) {
	t.Parallel()
	const canary = "canary-token-in-a-text"
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443}
	certificate := &x509.Certificate{DNSNames: []string{canary + ".test"}}
	for _, tc := range []struct {
		err   error
		words string
		cause error
	}{
		{&net.OpError{Op: "dial", Net: "tcp", Addr: address, Err: syscall.ECONNREFUSED}, "dial 127.0.0.1:443: connection refused", syscall.ECONNREFUSED},
		{&net.OpError{Op: "read", Net: "tcp", Addr: address, Err: syscall.ECONNRESET}, "connection reset by peer", syscall.ECONNRESET},
		{&net.DNSError{Name: canary, IsNotFound: true}, "cannot be looked up: no such host", nil},
		{&net.DNSError{Name: canary, IsTimeout: true}, "cannot be looked up: no answer in time", nil},
		{fmt.Errorf("%s: %w", canary, context.DeadlineExceeded), "no answer in time", context.DeadlineExceeded},
		{fmt.Errorf("%s: %w", canary, context.Canceled), "given up", context.Canceled},
		{&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: certificate, Host: canary}}, "is for another host", nil},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{Cert: certificate}}, "unknown authority", nil},
		{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Cert: certificate, Reason: x509.Expired, Detail: canary}}, "is the clock right", nil},
		{&tls.CertificateVerificationError{Err: errors.New(canary)}, "certificate is not valid", nil},
		{tls.RecordHeaderError{Msg: canary}, "does not speak TLS", nil},
		{fmt.Errorf("%s: %w", canary, http.ErrSchemeMismatch), "does not speak TLS", nil},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(40)}, "handshake failure", nil},
		{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("Proxy Authentication Required")}, "the proxy refuses the connection: 407 Proxy", nil},
		{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New(canary)}, "the proxy refuses the connection", nil},
		{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: &net.OpError{Op: "dial", Addr: address, Err: syscall.ECONNREFUSED}}, "proxy: dial 127.0.0.1:443: connection refused", syscall.ECONNREFUSED},
		{fmt.Errorf("%s: %w", canary, io.EOF), "connection was closed", io.ErrUnexpectedEOF},
		{&foreignHost{host: "evil.example"}, `host "evil.example" is not the configured`, nil},
		{errors.New(`malformed HTTP status code "` + canary + `"`), "not valid HTTP", nil},
	} {
		words, cause := brokenBy(tc.err)
		if !strings.Contains(words, tc.words) || strings.Contains(words, canary) {
			t.Errorf("brokenBy(%v) = %q, want %q and nothing of the wire", tc.err, words, tc.words)
		}
		if cause != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", cause, cause, cause), canary) || tc.cause != nil && !errors.Is(cause, tc.cause) {
			t.Errorf("brokenBy(%v) has cause %v, want %v", tc.err, cause, tc.cause)
		}
	}
}

func TestCleanLeavesSecretsOut(t *testing.T) {
	t.Parallel()
	const secret = "eyJ0eXAiOiJKV1QiLCJub25jZSI6"
	for text, want := range map[string]string{
		"Access token has expired.":                "Access token has expired.",
		"you sent " + secret:                       secretMark,
		"you sent " + secret[3:12]:                 secretMark,
		"you sent " + strings.ToUpper(secret):      secretMark,
		"you sent %65yJ0eXAiOiJ":                   secretMark,
		"TokenIssuedBeforeRevocationTimestamp":     "TokenIssuedBeforeRevocationTimestamp",
		strings.Repeat("QUJD", 12) + " is no code": "<long> is no code",
	} {
		if got := clean(text, secret, "x-short"); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
	for id, want := range map[string]string{
		"94fb3b52-0000-4000-8000-000000000001": "94fb3b52-0000-4000-8000-000000000001",
		"two words":                            "", secret[:20]: "", strings.Repeat("a", 41): "", "": "", "a\nb": "",
	} {
		if got := traceable(id, secret); got != want {
			t.Errorf("traceable(%q) = %q, want %q", id, got, want)
		}
	}
}
