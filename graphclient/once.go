package graphclient

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http/httptrace"
	"time"
)

// errRepeated ends a request that net/http was about to send once more.
var errRepeated = errors.New("the connection ended before an answer came")

// onlyOnce gives a context under which a request is written to one connection at
// most, and only if may is nil at that moment. net/http repeats by itself what it
// takes for harmless: a GET whose idle connection was closed, and over HTTP/2
// whatever a server says it refused. Each repetition may count at Graph, and a
// place in the budget is for one request. And a place that was given before the
// process was stopped, or its machine slept, may be somebody else's by now.
// The request ends with errRepeated, or what may says, as the cause of the context.
//
// Later than with a connection at hand nothing can be asked: HTTP/2 writes the
// frames of all requests to one connection.
func onlyOnce(ctx context.Context, may func() error) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	connections := 0 // net/http calls the hook from one goroutine, before it writes
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		connections++
		why := errRepeated
		if connections == 1 {
			why = may()
		}
		if why == nil {
			return
		}
		cancel(why)
		// HTTP/2 looks at the context once more before it writes. HTTP/1 does not,
		// and its connection is ours alone: make the write fail.
		if !isHTTP2(got) {
			_ = got.Conn.SetDeadline(time.Unix(1, 0))
		}
	}})
	return ctx, func() { cancel(nil) }
}

func isHTTP2(got httptrace.GotConnInfo) bool {
	conn, ok := got.Conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok && conn.ConnectionState().NegotiatedProtocol == "h2"
}
