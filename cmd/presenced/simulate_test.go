package main

import (
	"net"
	"testing"
)

func TestReachable(t *testing.T) {
	t.Parallel()
	tests := []struct{ listener, want string }{
		{"127.0.0.1:8490", "127.0.0.1:8490"},
		{"0.0.0.0:8490", "127.0.0.1:8490"},
		{"[::]:8490", "127.0.0.1:8490"},
		{"[::1]:8490", "[::1]:8490"},
		{"192.0.2.7:8490", "192.0.2.7:8490"},
	}
	for _, tt := range tests {
		a, err := net.ResolveTCPAddr("tcp", tt.listener)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachable(a); got != tt.want {
			t.Errorf("reachable(%s) = %s, want %s", tt.listener, got, tt.want)
		}
	}
}
