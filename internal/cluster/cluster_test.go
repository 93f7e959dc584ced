package cluster

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Peers
		err  string // part of it
	}{
		{"a=http://10.0.0.1:2380", Peers{{"a", "http://10.0.0.1:2380"}}, ""},
		{"a=https://one.example:2380,b.2=https://[::1]:2380", Peers{{"a", "https://one.example:2380"}, {"b.2", "https://[::1]:2380"}}, ""},
		{"", nil, "not NAME=URL"},
		{"a=http://h:1,", nil, "not NAME=URL"},
		{"http://h:1", nil, "not NAME=URL"},
		{"a b=http://h:1", nil, "not NAME=URL"},
		{"a=h:1", nil, "not an http"},
		{"a=ftp://h:1", nil, "not an http"},
		{"a=http://h", nil, "not http://HOST:PORT"},
		{"a=http://h:", nil, "not http://HOST:PORT"},
		{"a=http://:1", nil, "not http://HOST:PORT"},
		{"a=http://h:1/", nil, "not http://HOST:PORT"},
		{"a=http://u@h:1", nil, "not http://HOST:PORT"},
		{"a=http://h:1?q", nil, "not http://HOST:PORT"},
		{"a=http://h:1,a=http://h:2", nil, "two members are called a"},
		{"a=http://h:1,b=http://h:1", nil, "the same URL"},
		{"a=http://h:1,b=https://h:2", nil, "not both http"},
	} {
		got, err := Parse(tt.in)
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("Parse(%q) = %v, want %q", tt.in, err, tt.err)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", tt.in, d)
		}
	}
}

// FuzzParse: what parses prints back the same.
func FuzzParse(f *testing.F) {
	f.Add("a=http://10.0.0.1:2380,b=http://10.0.0.2:2380")
	f.Add("a=https://[::1%25eth0]:1")
	f.Fuzz(func(t *testing.T, s string) {
		if peers, err := Parse(s); err == nil && peers.String() != s {
			t.Errorf("Parse(%q) = %v", s, peers)
		}
	})
}

func TestCheck(t *testing.T) {
	plain := Peers{{"a", "http://127.0.0.1:2380"}, {"b", "http://host.example:2380"}, {"c", "http://localhost:2380"}}
	secure := Peers{{"a", "https://[2001:db8::1]:2380"}}
	for _, tt := range []struct {
		name   string
		cfg    Config
		listen string
		err    string
	}{
		{"address", Config{Name: "a", Peers: plain, Dir: "/d"}, "127.0.0.1:2380", ""},
		{"host name", Config{Name: "b", Peers: plain, Dir: "/d"}, "0.0.0.0:2380", ""},
		{"localhost", Config{Name: "c", Peers: plain, Dir: "/d"}, "127.0.0.1:2380", ""},
		{"given", Config{Name: "b", Peers: plain, Dir: "/d", Listen: "10.1.1.1:99"}, "10.1.1.1:99", ""},
		{"given name", Config{Name: "b", Peers: plain, Dir: "/d", Listen: "host:99"}, "", "not IP:PORT"},
		{"https", Config{Name: "a", Peers: secure, Dir: "/d", Cert: "c", Key: "k", CA: "a"}, "[2001:db8::1]:2380", ""},
		{"https without authority", Config{Name: "a", Peers: secure, Dir: "/d", Cert: "c", Key: "k"}, "", "need a certificate"},
		{"http with certificate", Config{Name: "a", Peers: plain, Dir: "/d", Cert: "c"}, "", "URLs are http"},
		{"stranger", Config{Name: "x", Peers: plain, Dir: "/d"}, "", "none of"},
		{"long path", Config{Name: "a", Peers: plain, Dir: "/" + strings.Repeat("d", 100)}, "", "shorter path"},
	} {
		err := tt.cfg.check()
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: check() = %v, want %q", tt.name, err, tt.err)
		}
		if err == nil && tt.cfg.Listen != tt.listen {
			t.Errorf("%s: listens at %s, want %s", tt.name, tt.cfg.Listen, tt.listen)
		}
	}
}

func TestReplaced(t *testing.T) {
	a, b, c := Member{ID: 1, Name: "a", URL: "http://h:1", Asked: true}, Member{ID: 2, Name: "b", URL: "http://h:2"}, Member{ID: 3, Name: "c", URL: "http://h:3"}
	unstarted := Member{ID: 4, URL: "http://h:3"}
	for _, tt := range []struct {
		name  string
		ms    []Member
		fresh Peer
		want  uint64
		err   string
	}{
		{"same URL", []Member{a, b, c}, Peer{"c", "http://h:3"}, 3, ""},
		{"other URL", []Member{a, b, c}, Peer{"c", "http://h:4"}, 3, ""},
		{"removed already", []Member{a, b}, Peer{"c", "http://h:3"}, 0, ""},
		{"added already", []Member{unstarted, a, b}, Peer{"c", "http://h:3"}, 0, ""},
		{"itself", []Member{a, b, c}, Peer{"a", "http://h:1"}, 0, "ask another"},
		{"another's URL", []Member{a, b, c}, Peer{"c", "http://h:1"}, 0, "has the URL"},
		{"nobody", []Member{a, b, c}, Peer{"d", "http://h:4"}, 0, "no member is called d"},
	} {
		got, err := replaced(tt.ms, tt.fresh)
		if got.ID != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: replaced() = %v, %v, want %d, %q", tt.name, got, err, tt.want, tt.err)
		}
	}
}

func TestNobodyRuns(t *testing.T) {
	if _, err := Members(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "no member runs") {
		t.Errorf("Members() = %v", err)
	}
}

func TestStartWithoutTag(t *testing.T) {
	if Built {
		t.Skip("this program has the cluster inside")
	}
	if _, err := Start(t.Context(), Config{}); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("Start() = %v, want %v", err, ErrNotBuilt)
	}
}
