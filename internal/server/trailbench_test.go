package server

import (
	"net/http"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/gate"
)

// BenchmarkTrail serves with and without the trail: what remembering costs,
// the writing in the background included.
func BenchmarkTrail(b *testing.B) {
	s := openBench(b, 1)
	without := s.gateOptions()
	without.Trail = nil
	for _, bb := range []struct {
		name    string
		handler http.Handler
	}{{"without", gate.New(without)}, {"with", s.http.Handler}} {
		b.Run(bb.name, func(b *testing.B) {
			form := benchRequests[1].form
			r := s.request(b, "iam", form)
			r.RemoteAddr = "127.0.0.1:1234"
			w := &discard{header: http.Header{}}
			in := new(body)
			b.ReportAllocs()
			for b.Loop() {
				in.Reset([]byte(form))
				r.Body = in
				clear(w.header)
				bb.handler.ServeHTTP(w, r)
				if w.status != http.StatusOK {
					b.Fatalf("status %d", w.status)
				}
			}
			if err := s.trail.log.Sync(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
