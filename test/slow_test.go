package test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestSlowClients: who never finishes a request is cut off, in the headers and
// in the body. The server allows 30 seconds for the whole.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	s := serve(t)
	whole := formRequest(s, s.root(), "sts", url.Values{"Action": {"GetCallerIdentity"}}).sign().wire()
	// Not subtests: those that wait take up no turn of those that work.
	var wg sync.WaitGroup
	for name, begin := range map[string]string{
		"headers": "POST / HTTP/1.1\r\nHost: x\r\n",
		"body":    whole[:len(whole)-40],
		"nothing": "",
	} {
		wg.Go(func() {
			if err := drip(s, begin, 45*time.Second); err != nil {
				t.Errorf("slow %s: %v", name, err)
			}
		})
	}
	stalled := serve(t)
	wg.Go(func() {
		if err := stopDespiteStalledBody(stalled); err != nil {
			t.Errorf("stop with a stalled client: %v", err)
		}
	})
	wg.Wait()
}

// drip sends the beginning of a request and then a byte now and then. It gives
// an error unless the server refuses the request or ends the connection before
// the limit.
func drip(s *server, begin string, limit time.Duration) error {
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err = io.WriteString(conn, begin); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(limit))
	ended := make(chan error, 1)
	go func() {
		answer, err := io.ReadAll(conn)
		switch e, ok := err.(net.Error); {
		case ok && e.Timeout():
			ended <- fmt.Errorf("the connection is still open after %v", limit)
		case strings.HasPrefix(string(answer), "HTTP/1.1 2"):
			ended <- fmt.Errorf("answered with %.100s", answer)
		default:
			ended <- nil
		}
	}()
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
			if begin != "" {
				_, _ = io.WriteString(conn, "X")
			}
		}
	}
}

// stopDespiteStalledBody: a client that never finishes can't keep the server
// from a clean stop.
func stopDespiteStalledBody(s *server) error {
	whole := formRequest(s, s.root(), "sts", url.Values{"Action": {"GetCallerIdentity"}}).sign().wire()
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err = io.WriteString(conn, whole[:len(whole)-10]); err != nil {
		return err
	}
	// By the time this is answered the server reads the first connection too.
	if err := s.as(s.root()).whoami(context.Background()); err != nil {
		return err
	}
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if <-s.ended; s.code != 0 {
		return fmt.Errorf("exit code %d, want 0; stderr:\n%s", s.code, s.stderr)
	}
	return nil
}
