package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// battlefield is a server with the identities that an attacker knows of.
type battlefield struct {
	server  *server
	root    *clients
	admin   *clients // AdministratorAccess
	plain   *clients // iam:* only
	session keys     // plain's
	other   keys     // another session of plain's
	asleep  keys     // an inactive key of admin's
	deleted keys
	foreign keys // root of another server
}

func newBattlefield(t *testing.T) *battlefield {
	s := serve(t)
	b := &battlefield{server: s, root: s.as(s.root()), foreign: serve(t).root()}
	b.admin = b.root.user(t, s, "admin", allow("*"))
	b.plain = b.root.user(t, s, "plain", allow("iam:*"))
	b.session, b.other = b.plain.session(t), b.plain.session(t)
	b.asleep = b.root.newKey(t, "admin")
	_, err := b.root.iam.UpdateAccessKey(deadline(t), &iam.UpdateAccessKeyInput{
		UserName: aws.String("admin"), AccessKeyId: &b.asleep.ID, Status: types.StatusTypeInactive,
	})
	must(t, err)
	b.deleted = b.root.newKey(t, "plain")
	_, err = b.root.iam.DeleteAccessKey(deadline(t), &iam.DeleteAccessKeyInput{UserName: aws.String("plain"), AccessKeyId: &b.deleted.ID})
	must(t, err)
	return b
}

// create is the request that every attack is after: a user named evil, asked
// for with an administrator's key.
func (b *battlefield) create() *rawRequest {
	return formRequest(b.server, b.admin.keys, "iam", url.Values{"Action": {"CreateUser"}, "UserName": {"evil"}})
}

// identity is a harmless request with those keys.
func (b *battlefield) identity(k keys) *rawRequest {
	return formRequest(b.server, k, "sts", url.Values{"Action": {"GetCallerIdentity"}})
}

// listBuckets is an honest S3 request.
func (b *battlefield) listBuckets(k keys) *rawRequest {
	r := &rawRequest{method: "GET", target: "/", keys: k, service: "s3", region: "us-east-1", headers: []rawHeader{{"Host", b.server.address()}}}
	r.add("X-Amz-Content-Sha256", hash(""))
	return r
}

// putObject is a PutObject, without its payload's hash.
func (b *battlefield) putObject() *rawRequest {
	return &rawRequest{
		method: "PUT", target: "/bucket/key", body: "text", keys: b.admin.keys, service: "s3", region: "us-east-1",
		headers: []rawHeader{{"Host", b.server.address()}},
	}
}

// byGet is a harmless request with all parameters in its target.
func (b *battlefield) byGet() *rawRequest {
	r := b.identity(b.admin.keys)
	r.method, r.target, r.body = "GET", "/?"+r.body, ""
	return r
}

// TestAttacks: every forged, replayed, wrongly scoped or smuggled request is
// refused with the right code, and none does anything.
func TestAttacks(t *testing.T) {
	t.Parallel()
	b := newBattlefield(t)
	for name, r := range map[string]*rawRequest{
		"a long-term key": b.identity(b.admin.keys), "a session": b.identity(b.session), "S3": b.listBuckets(b.admin.keys),
		"the query of a GET": b.byGet(),
	} {
		// Without the attack the same signer is let in.
		if got := send(t, b.server, r.sign().wire()); got.status != 200 {
			t.Fatalf("an honest request with %s = %d %s", name, got.status, got.body)
		}
	}
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			got := send(t, b.server, a.make(b).wire())
			if got.status != a.status || a.code != "" && got.code != a.code || !strings.Contains(got.message, a.text) {
				t.Errorf("answer %d %s %q, want %d %s with %q\n%.300s", got.status, got.code, got.message, a.status, a.code, a.text, got.body)
			}
		})
	}
	b.unharmed(t)
}

// unharmed checks that no attack made its user, and that the server is well.
func (b *battlefield) unharmed(t *testing.T) {
	t.Helper()
	_, err := b.root.iam.GetUser(deadline(t), &iam.GetUserInput{UserName: aws.String("evil")})
	wantType[*types.NoSuchEntityException](t, err)
	if log := b.server.stderr.String(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
		t.Errorf("the server's log has errors:\n%s", log)
	}
	for _, k := range []keys{b.admin.keys, b.root.keys, b.session} {
		if strings.Contains(b.server.stderr.String(), k.Secret) {
			t.Error("the server's log holds a secret")
		}
	}
}

// TestTransferEncodings: what one reader takes for the body and another for the
// next request is never carried out.
func TestTransferEncodings(t *testing.T) {
	t.Parallel()
	b := newBattlefield(t)
	chunked := func(body string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) }
	for _, tt := range []struct {
		name string
		bend func(r *rawRequest)
		want int
	}{
		{"chunked and a length", func(r *rawRequest) {
			r.add("Transfer-Encoding", "chunked")
			r.add("Content-Length", fmt.Sprint(len(r.body)))
			r.body = chunked("Action=CreateUser&UserName=evil&Version=2010-05-08")
		}, 403},
		{"two lengths", func(r *rawRequest) {
			r.add("Content-Length", fmt.Sprint(len(r.body)))
			r.add("Content-Length", "0")
		}, 400},
		{"negative length", func(r *rawRequest) { r.add("Content-Length", "-1") }, 400},
		{"length with a sign", func(r *rawRequest) { r.add("Content-Length", "+5") }, 400},
		{"unknown encoding", func(r *rawRequest) { r.add("Transfer-Encoding", "xchunked") }, 501},
		{"chunked twice", func(r *rawRequest) {
			r.add("Transfer-Encoding", "chunked")
			r.add("Transfer-Encoding", "identity")
		}, 501},
		{"blank before the colon", func(r *rawRequest) { r.add("Transfer-Encoding ", "chunked") }, 400},
		{"broken chunk", func(r *rawRequest) {
			r.add("Transfer-Encoding", "chunked")
			r.body = "zz\r\n" + r.body
		}, 400},
		{"body shorter than declared", func(r *rawRequest) {
			r.add("Transfer-Encoding", "chunked")
			r.body = "5\r\nAct"
		}, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := b.identity(b.admin.keys).sign()
			r.chunked = true
			tt.bend(r)
			text := r.wire()
			if strings.HasSuffix(tt.name, "than declared") {
				sendHalf(t, b.server, text)
				return
			}
			if got := send(t, b.server, text); got.status != tt.want {
				t.Errorf("answer %d %s, want %d", got.status, got.body, tt.want)
			}
		})
	}
	// A chunked body that is what was signed is an honest request.
	r := b.identity(b.admin.keys).sign()
	r.chunked = true
	r.add("Transfer-Encoding", "chunked")
	r.body = chunked(r.body)
	if got := send(t, b.server, r.wire()); got.status != 200 {
		t.Errorf("an honest chunked request = %d %s, want 200", got.status, got.body)
	}
	b.unharmed(t)
}

// sendHalf sends a request that ends early. It must not be carried out.
func sendHalf(t *testing.T, s *server, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.address())
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, text)
	must(t, err)
	must(t, conn.(*net.TCPConn).CloseWrite())
	_ = conn.SetDeadline(time.Now().Add(patience))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil && (res.StatusCode < 400 || res.StatusCode > 499) {
		t.Errorf("half a request = %d, want a refusal", res.StatusCode)
	}
}

// TestPaths: a path that is written in another way is another request, or the
// same one, but never a way around anything.
func TestPaths(t *testing.T) {
	t.Parallel()
	b := newBattlefield(t)
	for _, target := range []string{
		"//", "/./", "/../", "/%2e%2e/", "/%2f", "/%00", "/healthz", "/metrics", "/console/..%2f", "/\\", "/;", "/%zz", "/?%zz", "/?a;b",
		"/?Action=CreateUser&UserName=evil", "*", "iam.amazonaws.com:443", "/" + strings.Repeat("a/", 5000), "/?" + strings.Repeat("a&", 10000),
	} {
		t.Run(fmt.Sprintf("%.40s", target), func(t *testing.T) {
			r := b.create()
			r.keys.Secret = "wrong"
			r.target = target
			for _, method := range []string{"GET", "POST", "DELETE", "OPTIONS", "TRACE", "FOO"} {
				r := *r
				r.method = method
				r.headers = append([]rawHeader{}, r.headers...)
				if got := send(t, b.server, r.sign().wire()); got.status < 400 || got.status > 499 {
					t.Errorf("%s %.40s = %d %.200s, want a refusal", method, target, got.status, got.body)
				}
			}
		})
	}
	b.unharmed(t)
}
