package graphclient_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphclient"
	"presenced/presence"
)

// A server that closes kept-alive connections under the requests makes net/http
// repeat each GET by itself. Whatever arrives has to have had a place in the budget.
func TestNoMoreArriveThanWereAdmitted(t *testing.T) {
	t.Parallel()
	const limit = 60
	for _, endpoint := range []graphclient.Endpoint{
		graphclient.EndpointUser, graphclient.EndpointCommunications, graphclient.EndpointMe, graphclient.EndpointBulk,
	} {
		t.Run(string(endpoint), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var arrivals atomic.Int64
				w := &world{graph: func(rw http.ResponseWriter, _ *http.Request) {
					if arrivals.Add(1)%3 == 0 {
						hangUp(t, rw)
						return
					}
					fmt.Fprintf(rw, `{"value":[%s]}`, entry(string(user(0)), "Busy", "Busy"))
				}}
				wires := newWires(t, "http/1.1")
				wires.serve(t, "login.test", w)
				wires.serve(t, "graph.test", w)
				r := wires.rig(t, w, setting{endpoint: endpoint, requests: limit})
				ctx, cancel := context.WithTimeout(t.Context(), 29*time.Second)
				defer cancel()
				for ctx.Err() == nil && r.budget.Ledger().Sent < limit {
					_, _ = r.Presences(ctx, users(1))
				}
				if sent, arrived := r.budget.Ledger().Sent, arrivals.Load(); uint64(arrived) > sent || sent != limit {
					t.Errorf("%d requests arrived, %d were admitted, want %d at most", arrived, sent, limit)
				}
			})
		})
	}
}

// hangUp closes the connection of a request that was read to its end.
func hangUp(t *testing.T, rw http.ResponseWriter) {
	conn, _, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_ = conn.Close()
}

// The directory's requests have no budget; each try is one of ours all the same.
func TestDirectoryRequestsAreNotRepeated(t *testing.T) {
	t.Parallel()
	var ids sync.Map
	var arrivals, twice atomic.Int64
	w := &world{graph: func(rw http.ResponseWriter, req *http.Request) {
		if _, again := ids.LoadOrStore(req.Header.Get("client-request-id"), true); again {
			twice.Add(1)
		}
		if arrivals.Add(1) == 3 {
			hangUp(t, rw)
			return
		}
		fmt.Fprintf(rw, `{"id":%q}`, user(0))
	}}
	r := overLoopback(t, w, setting{})
	d, err := graphclient.NewDirectory(graphclient.DirectoryConfig{Cloud: r.cloud}, r.tokens, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Resolve(t.Context(), []string{"a@x.test", "b@x.test", "c@x.test", "d@x.test"}, nil); err != nil {
		t.Fatal(err)
	}
	if arrivals.Load() != 5 || twice.Load() != 0 {
		t.Errorf("%d requests arrived, %d with an id seen before, want 5 and none", arrivals.Load(), twice.Load())
	}
}

// HTTP/2 lets a server say that it did not look at a request, and net/http takes
// its word for it and repeats even a POST.
func TestRefusedStreamsAreNotRepeated(t *testing.T) {
	t.Parallel()
	for name, no := range map[string]func(stream uint32) []byte{
		"REFUSED_STREAM": func(stream uint32) []byte { return frame(3, 0, stream, []byte{0, 0, 0, 7}) },
		"PROTOCOL_ERROR": func(stream uint32) []byte { return frame(3, 0, stream, []byte{0, 0, 0, 1}) },
		"GOAWAY":         func(uint32) []byte { return frame(7, 0, 0, make([]byte, 8)) },
	} {
		for _, endpoint := range []graphclient.Endpoint{graphclient.EndpointBulk, graphclient.EndpointUser} {
			t.Run(name+" "+string(endpoint), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := &world{}
					wires := newWires(t, "h2")
					wires.serve(t, "login.test", w)
					server := &refuser{no: no}
					server.listen(t, wires)
					r := wires.rig(t, w, setting{endpoint: endpoint})
					_, err := r.Presences(t.Context(), users(1))
					blindBy(t, err, presence.CauseUnreachable)
					if sent, arrived := r.budget.Ledger().Sent, server.arrivals.Load(); arrived != 3 || sent != 3 {
						t.Errorf("%d requests arrived and %d were admitted, want our own three tries", arrived, sent)
					}
				})
			})
		}
	}
}

// refuser speaks as much HTTP/2 as it takes to count requests and refuse them.
type refuser struct {
	arrivals atomic.Int64
	no       func(stream uint32) []byte
}

func (r *refuser) listen(t *testing.T, w *wires) {
	listener := w.accept(t, "graph.test")
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
}

// serve implements RFC 9113 as far as frames: header block fragments are not read.
func (r *refuser) serve(conn net.Conn) {
	defer conn.Close()
	if _, err := io.CopyN(io.Discard, conn, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	out := make(chan []byte, 1000) // who reads must not wait for the other's reading
	defer close(out)
	go func() {
		for b := range out {
			_, _ = conn.Write(b)
		}
	}()
	out <- frame(4, 0, 0, nil) // SETTINGS
	head := make([]byte, 9)
	for {
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		size := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, conn, size); err != nil {
			return
		}
		switch kind, flags := head[3], head[4]; {
		case kind == 1: // HEADERS
			r.arrivals.Add(1)
			out <- r.no(binary.BigEndian.Uint32(head[5:]))
		case kind == 4 && flags == 0: // SETTINGS
			out <- frame(4, 1, 0, nil)
		}
	}
}

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[5:], stream)
	return append(head, payload...)
}
