package board

import (
	"net"
	"net/url"
	"strings"
	"testing"
)

// What the guard lets through must be loopback in the eyes of a URL parser as
// well, which is what a browser goes by.
func FuzzIsLoopbackHost(f *testing.F) {
	for _, seed := range []string{
		"localhost", "LocalHost:80", "127.0.0.1", "127.0.0.1:8480", "[::1]", "[::1]:8480", "[::ffff:127.0.0.1]", "::1", "[::1%25lo]",
		"127.0.0.1.evil.example", "127.0.0.1:", "127.0.0.1:x", "localhost:80:80", "0.0.0.0", "", ":", "[", "[]", "[localhost]", "]:1", "[::1]x:1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if !isLoopbackHost(header) {
			return
		}
		u, err := url.Parse("http://" + header + "/")
		if err != nil {
			t.Fatalf("Host %q is let through and is no host: %v", header, err)
		}
		if name := u.Hostname(); !strings.EqualFold(name, "localhost") && !net.ParseIP(name).IsLoopback() {
			t.Errorf("Host %q is let through as %q", header, name)
		}
	})
}
