package etcd

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
)

func TestParseVersion(t *testing.T) {
	for s, want := range map[string][3]int{"3.5.13": {3, 5, 13}, "3.7.0-rc.1": {3, 7, 0}, "4.0.0+git": {4, 0, 0}} {
		if v, err := parseVersion(s); err != nil || v != want {
			t.Errorf("parseVersion(%q) = %v, %v", s, v, err)
		}
	}
	for _, s := range []string{"", "3", "3.5", "x.y.z", "3.5.", "3.-5.1"} {
		if v, err := parseVersion(s); err == nil {
			t.Errorf("parseVersion(%q) = %v, want an error", s, v)
		}
	}
	if !less([3]int{3, 5, 12}, minVersion) || less([3]int{3, 5, 13}, minVersion) || less([3]int{3, 10, 0}, minVersion) {
		t.Error("versions compare wrongly")
	}
}

// FuzzParseVersion: only what begins with three numbers is a version.
func FuzzParseVersion(f *testing.F) {
	f.Add("3.5.13")
	f.Add("3.7.0-rc.1")
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := parseVersion(s); err == nil && (v[0] < 0 || v[1] < 0 || v[2] < 0 || strings.Count(s, ".") < 2) {
			t.Errorf("parseVersion(%q) = %v", s, v)
		}
	})
}

// old answers as an etcd of Debian 12 does.
type old struct{ pb.MaintenanceServer }

func (old) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	return &pb.StatusResponse{Header: &pb.ResponseHeader{}, Version: "3.4.23"}, nil
}

func TestOldVersionIsRefused(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	pb.RegisterMaintenanceServer(srv, old{})
	go srv.Serve(ln) //nolint:errcheck // it ends with Stop
	defer srv.Stop()
	s := open(t, Config{Endpoints: []string{ln.Addr().String()}, Prefix: "p", Patience: 200 * time.Millisecond})
	_, err = s.Head(t.Context())
	if !errors.Is(err, ErrVersion) || !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "3.4.23") {
		t.Errorf("Head() = %v, want %v with the version", err, ErrVersion)
	}
	if _, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "a"}}}); !errors.Is(err, ErrVersion) {
		t.Errorf("Commit() = %v, want %v", err, ErrVersion)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	s := open(t, Config{Endpoints: []string{addr}, Prefix: "p", Patience: 200 * time.Millisecond})
	ctx := t.Context()
	_, head := s.Head(ctx)
	_, commit := s.Commit(ctx, store.Txn{Do: []store.Op{{Key: "a"}}})
	_, scan := s.Scan(ctx, "", 0, func(store.Record) error { return nil })
	_, watch := s.Watch(ctx, "", 1)
	for what, err := range map[string]error{"Head": head, "Commit": commit, "Scan": scan, "Watch": watch, "Compact": s.Compact(ctx, 1)} {
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUnknown) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s = %v, want %v", what, err, store.ErrUnavailable)
		}
	}
	if _, err := Open(ctx, Config{Prefix: "p"}); err == nil {
		t.Error("Open without endpoints = nil")
	}
	if _, err := Open(ctx, Config{Endpoints: []string{"a:1"}, Prefix: "a b"}); err == nil {
		t.Error("Open with a bad prefix = nil")
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	c, _, tls := etcdtest.StartTLS(t, 1)
	cfg := config(c)
	cfg.Patience = 300 * time.Millisecond
	put := store.Txn{Do: []store.Op{{Key: "a"}}}
	bare, stranger := cfg, cfg
	stranger.TLS = tls.Clone()
	stranger.TLS.Certificates = nil
	for name, bad := range map[string]Config{"no TLS": bare, "no certificate": stranger} {
		if _, err := open(t, bad).Commit(t.Context(), put); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: Commit() = %v, want %v", name, err, store.ErrUnavailable)
		}
	}
	cfg.TLS, cfg.Patience = tls, 0
	s := open(t, cfg)
	rev, err := s.Commit(t.Context(), put)
	if err != nil {
		t.Fatalf("Commit() = %v", err)
	}
	if seen := watched(t, watch(t, s, rev-1), rev); seen["a"] != rev {
		t.Errorf("the watcher saw %v", seen)
	}
}

// TestAuth: a user with rights under the prefix is enough, and a token that a
// member has forgotten is renewed.
func TestAuth(t *testing.T) {
	t.Parallel()
	c := etcdtest.Start(t, 1)
	cfg := config(c)
	cfg.Patience = 30 * time.Second
	root, err := clientv3.New(clientv3.Config{Endpoints: c.Endpoints})
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	ctx := t.Context()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = root.UserAdd(ctx, "root", "r00t")
	do(err)
	_, err = root.UserGrantRole(ctx, "root", "root")
	do(err)
	_, err = root.RoleAdd(ctx, "sallyport")
	do(err)
	_, err = root.RoleGrantPermission(ctx, "sallyport", cfg.Prefix+"/", clientv3.GetPrefixRangeEnd(cfg.Prefix+"/"), clientv3.PermissionType(clientv3.PermReadWrite))
	do(err)
	_, err = root.UserAdd(ctx, "node", "secret")
	do(err)
	_, err = root.UserGrantRole(ctx, "node", "sallyport")
	do(err)
	_, err = root.AuthEnable(ctx)
	do(err)
	put := store.Txn{Do: []store.Op{{Key: "a"}}}
	for _, user := range []struct{ name, password string }{{"", ""}, {"node", "wrong"}} {
		bad := cfg
		bad.Username, bad.Password, bad.Patience = user.name, user.password, 200*time.Millisecond
		if _, err := open(t, bad).Commit(ctx, put); !errors.Is(err, store.ErrUnavailable) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("Commit as %q = %v, want %v", user.name, err, store.ErrUnavailable)
		}
	}
	cfg.Username, cfg.Password = "node", "secret"
	s := open(t, cfg)
	rev, err := s.Commit(ctx, put)
	do(err)
	w, err := s.Watch(ctx, "", rev)
	do(err)
	defer w.Close()
	c.Kill(0)
	c.Restart(0)
	for {
		if rev, err = s.Commit(ctx, put); err == nil {
			break
		}
		if !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("Commit after a restart = %v", err)
		}
	}
	if seen := watched(t, w, rev); seen["a"] != rev {
		t.Errorf("the watcher saw %v, want revision %d", seen, rev)
	}
}
