package graphclient

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
)

// brokenBy says in our own words what broke an exchange, with a cause that is safe
// to wrap; nil: there is none. The texts of net/http, crypto/x509 and HTTP/2 quote
// status lines, headers, certificates and goodbyes as they came, and whoever
// answers may have put the token there.
func brokenBy(err error) (words string, cause error) {
	var (
		foreign *foreignHost
		errno   syscall.Errno
		lookup  *net.DNSError
		alert   tls.AlertError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, errRepeated):
		return errRepeated.Error(), errRepeated
	case errors.As(err, &foreign):
		return foreign.Error(), foreign
	case errors.Is(err, context.Canceled):
		return "given up", context.Canceled
	case errors.As(err, &lookup):
		return "the name of the host cannot be looked up: " + lookupFault(lookup), nil
	case errors.As(err, &errno):
		return where(err) + errno.Error(), errno
	case isTimeout(err):
		return where(err) + "no answer in time", context.DeadlineExceeded
	case isCertificate(err):
		return certificateFault(err), nil
	case errors.As(err, &alert):
		return alert.Error(), nil
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak TLS", nil
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection was closed", io.ErrUnexpectedEOF
	case errors.Is(err, net.ErrClosed):
		return "the connection was closed", net.ErrClosed
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return "not gzip, though it says so", nil
	case isProxy(err):
		return "the proxy refuses the connection" + proxyStatus(err), nil
	}
	return "what came is not valid HTTP", nil
}

// where is the address that could not be reached, if it is that.
func where(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) {
		return ""
	}
	var inner *net.OpError
	if op.Op == "proxyconnect" && errors.As(op.Err, &inner) {
		return "proxy: " + where(op.Err)
	}
	if op.Op == "dial" && op.Addr != nil {
		return "dial " + op.Addr.String() + ": "
	}
	return ""
}

func lookupFault(e *net.DNSError) string {
	switch {
	case e.IsNotFound:
		return "no such host"
	case e.IsTimeout:
		return "no answer in time"
	}
	return "the name server does not help"
}

func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification)
}

// certificateFault names no name: all of them stood in the certificate.
func certificateFault(err error) string {
	var (
		host    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &host):
		return "the server's certificate is for another host"
	case errors.As(err, &unknown):
		return "the server's certificate is signed by an unknown authority"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate has ended or not begun, is the clock right?"
	}
	return "the server's certificate is not valid"
}

func isProxy(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "proxyconnect"
}

// proxyStatus gives the status that a proxy answered with, when its text is the
// standard one: it is all that net/http keeps.
func proxyStatus(err error) string {
	var op *net.OpError
	_ = errors.As(err, &op)
	for status := 300; status < 600; status++ {
		if text := http.StatusText(status); text != "" && op.Err.Error() == text {
			return fmt.Sprintf(": %d %s", status, text)
		}
	}
	return ""
}

// foreignHost is a request that would have carried the token to another host.
type foreignHost struct{ host string }

// Error implements error.
func (e *foreignHost) Error() string {
	return fmt.Sprintf("host %q is not the configured Graph host, nothing was sent", clean(e.host))
}
