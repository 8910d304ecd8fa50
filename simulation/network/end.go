package network

import (
	"net"
	"time"
)

// end is one side of a link, as a net.Conn.
type end struct{ in, out *lane }

// Read implements net.Conn.
func (e *end) Read(p []byte) (int, error) { return e.in.read(p) }

// Write implements net.Conn. It never blocks.
func (e *end) Write(p []byte) (int, error) { return e.out.write(p) }

// Close implements net.Conn: the other side reads what was written, then EOF.
func (e *end) Close() error {
	e.out.end()
	e.in.leave()
	return nil
}

// SetDeadline implements net.Conn.
func (e *end) SetDeadline(t time.Time) error { return e.SetReadDeadline(t) }

// SetReadDeadline implements net.Conn.
func (e *end) SetReadDeadline(t time.Time) error {
	e.in.deadline(t)
	return nil
}

// SetWriteDeadline implements net.Conn; writes do not block.
func (e *end) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr implements net.Conn.
func (e *end) LocalAddr() net.Addr { return address{} }

// RemoteAddr implements net.Conn.
func (e *end) RemoteAddr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "memory" }
func (address) String() string  { return "memory" }
