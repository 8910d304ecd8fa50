package board

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// loopbackHost answers only requests that were meant for this machine by name. A
// site that points its own name at 127.0.0.1 (DNS rebinding) is of the same origin
// to the browser, and only its Host header gives it away.
func loopbackHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopbackHost(r.Host) {
			http.Error(w, "this address is for 127.0.0.1 and localhost only; http.allow_remote lifts that", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLoopbackHost takes the value of a Host header apart: name or address, with or
// without a port.
func isLoopbackHost(header string) bool {
	host, port := header, ""
	if colon := strings.LastIndexByte(header, ':'); colon > strings.LastIndexByte(header, ']') {
		host, port = header[:colon], header[colon+1:]
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return ok && strings.Contains(inner, ":") && isLoopback(inner)
	}
	return !strings.Contains(host, ":") && isLoopback(host)
}

// isLoopback knows localhost and the loopback addresses, parsed: to compare
// prefixes would let 127.0.0.1.example.org in.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Zone() == "" && ip.Unmap().IsLoopback()
}

// noSniff keeps browsers from taking plain text for a page, and from keeping it.
func noSniff(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
