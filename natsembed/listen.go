package natsembed

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"
)

// ErrRemote is what is wrong with an address that AllowRemote would permit.
var ErrRemote = errors.New("can be reached from other machines")

// parseListen takes apart a listen address. The host must be an IP or localhost,
// because a name could come to mean another machine.
func parseListen(listen string, allowRemote bool) (host string, port int, err error) {
	if listen == "" {
		return "127.0.0.1", server.RANDOM_PORT, nil
	}
	host, digits, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("embedded.listen: got %q, want host:port such as 127.0.0.1:4222", listen)
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("embedded.listen: got port %q, want 0 to 65535", digits)
	}
	port = int(n)
	if port == 0 {
		port = server.RANDOM_PORT
	}
	switch host {
	case "localhost":
		host = "127.0.0.1"
	case "":
		host = "0.0.0.0"
	}
	ip := net.ParseIP(host)
	switch {
	case ip == nil:
		return "", 0, fmt.Errorf("embedded.listen: got host %q, want localhost or an IP address such as 127.0.0.1", host)
	case !ip.IsLoopback() && !allowRemote:
		return "", 0, fmt.Errorf("embedded.listen: %q %w and the embedded server has no password: use 127.0.0.1, or run a NATS server of its own", listen, ErrRemote)
	}
	return host, port, nil
}

// explainListen names the address that could not be listened on, which the
// server's own error leaves out.
func explainListen(err error, listen string) error {
	var op *net.OpError
	switch {
	case !errors.As(err, &op):
		return err
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("start embedded nats: %s is taken: stop what listens there, set nats.url to use it, or give embedded.listen another port: %w", listen, op.Err)
	default:
		return fmt.Errorf("start embedded nats: listen on %s: %w", listen, op.Err)
	}
}
