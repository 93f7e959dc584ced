package server

import (
	"net"
	"testing"
)

func TestEndpoint(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:4566": "http://127.0.0.1:4566",
		"[::1]:80":       "http://[::1]:80",
		"0.0.0.0:4566":   "http://localhost:4566",
		"[::]:4566":      "http://localhost:4566",
	} {
		addr, err := net.ResolveTCPAddr("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := endpoint(addr); got != want {
			t.Errorf("endpoint(%s) = %s, want %s", listen, got, want)
		}
	}
}
