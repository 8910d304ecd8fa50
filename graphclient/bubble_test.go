package graphclient_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"presenced/graphclient"
	"presenced/graphsim"
)

// wires are hosts without sockets, for fake time. Everything above the socket
// is real: TLS, HTTP/1.1 and HTTP/2.
type wires struct {
	config *tls.Config
	roots  *x509.CertPool
	hosts  map[string]*graphsim.Pipe
}

// newWires makes hosts that speak the protocols given: h2, http/1.1.
func newWires(t *testing.T, protocols ...string) *wires {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"login.test", "graph.test", "foreign.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	w := &wires{roots: x509.NewCertPool(), hosts: map[string]*graphsim.Pipe{}, config: &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: protocols,
	}}
	w.roots.AddCert(leaf)
	t.Cleanup(func() { time.Sleep(2 * time.Hour) }) // what nobody read is given up
	return w
}

// newPlainWires makes hosts without TLS; their names are addresses with a port.
func newPlainWires(t *testing.T) *wires {
	t.Cleanup(func() { time.Sleep(2 * time.Hour) })
	return &wires{hosts: map[string]*graphsim.Pipe{}}
}

// accept is a listener behind a host name.
func (w *wires) accept(t *testing.T, host string) net.Listener {
	if w.config == nil {
		return w.listen(t, host)
	}
	return tls.NewListener(w.listen(t, host), w.config)
}

// serve puts a handler behind a host name.
func (w *wires) serve(t *testing.T, host string, handler http.Handler) {
	web := &http.Server{Handler: handler, ReadHeaderTimeout: time.Hour, TLSConfig: w.config.Clone()}
	listener, run := w.listen(t, host), web.Serve
	if w.config != nil {
		run = func(l net.Listener) error { return web.ServeTLS(l, "", "") }
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = run(listener)
	}()
	t.Cleanup(func() {
		_ = web.Close()
		<-done
	})
}

// listen puts nobody behind a host name yet.
func (w *wires) listen(t *testing.T, host string) net.Listener {
	pipe := graphsim.NewPipe()
	w.hosts[host] = pipe
	t.Cleanup(func() { _ = pipe.Close() })
	return slackListener{pipe}
}

// transport is our own, on these wires. through may stand in the way of what is dialled.
func (w *wires) transport(t *testing.T, through func(net.Conn) net.Conn) *http.Transport {
	transport := graphclient.NewTransport()
	transport.TLSClientConfig = &tls.Config{RootCAs: w.roots}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, _ := net.SplitHostPort(address)
		if port != "443" {
			host = address
		}
		pipe := w.hosts[host]
		if pipe == nil {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		conn, err := pipe.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		conn = newSlack(conn)
		if through != nil {
			conn = through(conn)
		}
		return conn, nil
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// rig is one whose Graph is at graph.test.
func (w *wires) rig(t *testing.T, world *world, s setting) *rig {
	t.Helper()
	if s.transport == nil {
		s.transport = w.transport(t, nil)
	}
	return newRig(t, world, s, graphclient.Cloud{LoginURL: "https://login.test", GraphURL: "https://graph.test"})
}
