package gate

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/service/ec2"
	"github.com/sallyport-iam/sallyport/internal/service/iam"
	"github.com/sallyport-iam/sallyport/internal/service/s3"
	"github.com/sallyport-iam/sallyport/internal/service/sts"
	"github.com/sallyport-iam/sallyport/internal/wire"
	"github.com/sallyport-iam/sallyport/sigv4"
)

// hostile are values that are likely to be handled wrongly somewhere.
var hostile = []string{
	"", "u", "U", "g", "p", "x", "*", "?", "/", "..", "../u", "a/b", "//", "%2f", "%", "${aws:username}", "u\x00", "\xff\xfe", "\u212a", "é",
	"-1", "0", "1", "99999999999999999999", "true", "NaN", "2026-01-01T00:00:00Z", "null", "{}", "[", `"`, "<a>", "&", "v1", "v0", "Active",
	"arn:aws:iam::" + account + ":policy/p", "arn:aws:iam::" + account + ":policy/P", "arn:aws:iam::*:policy/p", "arn:aws:iam::" + account + ":policy/",
	"arn:aws:iam::aws:policy/AdministratorAccess", "arn:::::", "arn:aws:iam::" + account + ":user/u", "AKIAIOSFODNN7EXAMPLE", "AKIA/../user/x0000000",
	account, allowAll, strings.Repeat("a", 129), strings.Repeat("é", 3000), strings.Repeat(":", 70),
}

// forger makes requests that fit their models in form, and in little else.
type forger struct{ *mathrand.Rand }

func (f forger) text(shape *awsapi.Shape) string {
	if len(shape.Enum) > 0 && f.IntN(3) > 0 {
		return shape.Enum[f.IntN(len(shape.Enum))]
	}
	return hostile[f.IntN(len(hostile))]
}

func (f forger) document(shape *awsapi.Shape, depth int) wire.Document {
	doc := wire.Document{}
	for i := range shape.Members {
		m := &shape.Members[i]
		if depth < 5 && (m.Required || m.Location == awsapi.InURI || f.IntN(3) > 0) {
			doc[m.Name] = f.value(m.Shape, depth+1)
		}
	}
	return doc
}

func (f forger) value(shape *awsapi.Shape, depth int) any {
	switch shape.Type {
	case awsapi.Structure:
		return f.document(shape, depth)
	case awsapi.List:
		list := []any{}
		for range f.IntN(4) {
			list = append(list, f.value(shape.Member, depth+1))
		}
		return list
	case awsapi.Map:
		return map[string]any{f.text(shape.Key): f.value(shape.Value, depth+1)}
	case awsapi.Boolean:
		return f.IntN(2) == 0
	case awsapi.Integer, awsapi.Long:
		return int64(f.IntN(2000) - 3)
	case awsapi.Float, awsapi.Double:
		return float64(f.IntN(9))
	case awsapi.Timestamp:
		return time.Unix(int64(f.Int32()), 0).UTC()
	case awsapi.Blob:
		return []byte(f.text(shape))
	}
	return f.text(shape)
}

// forService is the header in which a forged request says what to sign it for.
const forService = "Test-Service"

// request makes a request for the operation, or nil where a value can't be sent so.
func (f forger) request(t *testing.T, op *awsapi.Operation) *http.Request {
	var doc wire.Document
	if op.Input != nil {
		doc = f.document(op.Input, 0)
	}
	req, err := wire.EncodeRequest(op, doc)
	if err != nil {
		return nil
	}
	if len(req.Body) > 0 && f.IntN(4) == 0 {
		for range 1 + f.IntN(3) {
			req.Body[f.IntN(len(req.Body))] = byte(f.IntN(256))
		}
	}
	if f.IntN(8) == 0 {
		req.Query += "&versionId=" + []string{"", "1", "1&versionId=2"}[f.IntN(3)]
	}
	r, err := http.NewRequestWithContext(t.Context(), req.Method, "http://localhost"+req.Path+"?"+req.Query, bytes.NewReader(req.Body))
	if err != nil {
		return nil
	}
	r.RemoteAddr = []string{"192.0.2.7:1", "[::ffff:192.0.2.7]:2", "", "@"}[f.IntN(4)]
	r.Header.Set(forService, op.Service.SigningName)
	for _, h := range req.Header {
		r.Header.Set(h.Name, h.Value)
	}
	switch f.IntN(12) {
	case 0:
		r.Header.Set("X-Amz-Copy-Source", "/bucket/../"+hostile[1+f.IntN(9)])
	case 1:
		r.Header.Set("Accept", "application/json")
	case 2:
		r.Host = []string{"b.s3.localhost", ".s3.", "b.localhost:80", ""}[f.IntN(4)]
	}
	return r
}

// hostileGate is a gate with all services and one user, whose policy's
// conditions ask for as much as possible.
func hostileGate(t *testing.T, log *bytes.Buffer) (*Gate, sigv4.Signer) {
	dir := openDirectory(t)
	secret := seal.SecretKey(rand.Reader)
	var key directory.AccessKey
	err := dir.Update(t.Context(), account, func(tx *directory.Tx) error {
		if err := tx.CreateAccount("root@localhost", ""); err != nil {
			return err
		}
		u, err := tx.CreateUser("caller", "/", "", []directory.Tag{{Key: "team", Value: "a"}})
		if err != nil {
			return err
		}
		if err := tx.PutInline(u, "p", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Effect":"Deny","Action":"*","Resource":"arn:aws:iam::*:user/caller"},
			{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:ResourceTag/a":"${aws:RequestTag/a}*b"},"ForAnyValue:StringEquals":{"aws:TagKeys":"zz"}}}]}`); err != nil {
			return err
		}
		key, err = tx.AddAccessKey(u, secret)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = dir.Update(t.Context(), account, func(tx *directory.Tx) error {
		u, err := tx.CreateUser("u", "/", "", []directory.Tag{{Key: "a", Value: "b"}})
		if err != nil {
			return err
		}
		g, err := tx.CreateGroup("g", "/")
		if err != nil {
			return err
		}
		if _, err := tx.CreatePolicy("p", "/", "", allowAll, nil); err != nil {
			return err
		}
		return tx.Join(u, g)
	})
	if err != nil {
		t.Fatal(err)
	}
	g := New(Options{
		Directory: dir, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(log, nil)),
		Services: map[string]service.Set{
			"iam": iam.New(dir, rand.Reader).Operations(), "sts": sts.New(dir).Operations(), "ec2": ec2.Operations(), "s3": s3.Operations(),
		},
	})
	return g, sigv4.Signer{KeyID: key.ID, Secret: secret.Reveal(), Region: "us-east-1"}
}

// hasRequestID looks for the header whose spelling differs from service to service.
func hasRequestID(h http.Header) bool {
	for name := range h {
		if strings.EqualFold(name, "x-amzn-RequestId") || strings.EqualFold(name, "x-amz-request-id") {
			return true
		}
	}
	return false
}

// TestHostileRequests sends well signed nonsense to every operation of every
// model, from several clients at once: none may fail in a way that is the
// server's fault.
func TestHostileRequests(t *testing.T) {
	var log bytes.Buffer
	g, signer := hostileGate(t, &log)
	var ops []*awsapi.Operation
	for _, name := range awsapi.Names() {
		rounds := 1
		if g.opts.Services[name] != nil && name != "ec2" {
			rounds = 10 // most of them are carried out
		}
		for range rounds {
			ops = slices.AppendSeq(ops, awsapi.ByName(name).Operations())
		}
	}
	seed := uint64(time.Now().UnixNano())
	end := time.Now().Add(2 * time.Second)
	var statuses [600]atomic.Int64
	var wg sync.WaitGroup
	for i := range uint64(4) {
		f := forger{mathrand.New(mathrand.NewPCG(seed, i))}
		wg.Go(func() {
			for time.Now().Before(end) && !t.Failed() {
				if r := f.request(t, ops[f.IntN(len(ops))]); r != nil {
					statuses[f.send(t, g, signer, r)].Add(1)
				}
			}
		})
	}
	wg.Go(func() {
		for time.Now().Before(end) {
			if err := g.opts.Directory.FlushLastUsed(t.Context()); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Millisecond)
		}
	})
	wg.Wait()
	if log.Len() > 0 || t.Failed() {
		t.Errorf("seed %d; log: %s", seed, log.String())
	}
	if ok, denied := statuses[http.StatusOK].Load(), statuses[http.StatusForbidden].Load(); ok == 0 || denied == 0 {
		t.Errorf("%d requests succeeded and %d were denied: nothing reaches the operations", ok, denied)
	}
}

// send signs a request, mostly for the service that it is for, and gives the
// status of its answer.
func (f forger) send(t *testing.T, g *Gate, signer sigv4.Signer, r *http.Request) int {
	body, err := r.GetBody()
	if err != nil {
		t.Error(err)
	}
	plain, err := io.ReadAll(body)
	if err != nil {
		t.Error(err)
	}
	signer.Service = r.Header.Get(forService)
	r.Header.Del(forService)
	if f.IntN(50) == 0 {
		signer.Service = []string{"s3", "iam", "sts", "ec2", "kms", "x"}[f.IntN(6)]
	}
	sum := sha256.Sum256(plain)
	if signer.Sign(r, hex.EncodeToString(sum[:]), time.Now()) != nil {
		return 0 // its path or query can't be signed
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	if w.Code >= 500 && w.Code != http.StatusNotImplemented || !hasRequestID(w.Result().Header) {
		t.Errorf("%s %s for %s\n%q\nanswered %d %v %s", r.Method, r.URL, signer.Service, plain, w.Code, w.Result().Header, w.Body)
	}
	return w.Code
}
