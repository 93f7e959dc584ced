package delivery

import (
	"bytes"
	"context"
	"crypto/md5" // what S3 calls Content-MD5
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/sigv4"
)

// targetError is why a target did not take something.
type targetError struct {
	code string // as S3 says it, for GetTrailStatus
	err  error
}

func (e *targetError) Error() string {
	if e.err == nil {
		return e.code
	}
	return e.code + ": " + e.err.Error()
}

func (e *targetError) Unwrap() error { return e.err }

// Code is what GetTrailStatus says of an error: S3's code where there is one.
func Code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*targetError](err); ok {
		return e.code
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "RequestTimeout"
	}
	return "InternalError"
}

// remoteBuckets are those of an S3-compatible store, addressed by path.
type remoteBuckets struct {
	cfg    *Config
	now    func() time.Time
	client *http.Client
}

func newRemote(cfg *Config, now func() time.Time) *remoteBuckets {
	return &remoteBuckets{cfg, now, newClient()}
}

// newClient makes a client that goes nowhere else than it is told: what is
// signed for one host is not shown to another.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (r *remoteBuckets) check(ctx context.Context, bucket string) error {
	return r.send(ctx, http.MethodHead, "/"+bucket, nil, nil)
}

func (r *remoteBuckets) put(ctx context.Context, bucket, key string, body []byte, metadata map[string]string) error {
	sum := md5.Sum(body) // buckets with a lock want it
	header := http.Header{
		"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}, "Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])},
	}
	for name, value := range metadata {
		header.Set("X-Amz-Meta-"+name, value)
	}
	return r.send(ctx, http.MethodPut, "/"+bucket+"/"+key, header, body)
}

// escaped is a path as AWS signs it: all but letters, digits and -_.~/ escaped.
func escaped(path string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(path))
}

func (r *remoteBuckets) send(ctx context.Context, method, path string, header http.Header, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(r.cfg.To, "/")+escaped(path), bytes.NewReader(body))
	if err != nil {
		return &targetError{"InvalidURI", err}
	}
	region := r.cfg.Region
	if region == "" {
		region = "us-east-1"
	}
	if header != nil {
		req.Header = header
	}
	signer := sigv4.Signer{KeyID: r.cfg.KeyID, Secret: r.cfg.Secret.Reveal(), Region: region, Service: "s3"}
	sum := sha256.Sum256(body)
	if err := signer.Sign(req, hex.EncodeToString(sum[:]), r.now()); err != nil {
		return &targetError{"InvalidAccessKeyId", err}
	}
	res, err := r.client.Do(req)
	if err != nil {
		return unreached(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 8<<10))
	if res.StatusCode/100 != 2 {
		return refusal(res.StatusCode, text)
	}
	return nil
}

// unreached is the error of a target that gave no answer. It says nothing of the
// URL, which may hold a secret.
func unreached(err error) error {
	code := "ServiceUnavailable"
	if errors.Is(err, context.DeadlineExceeded) {
		code = "RequestTimeout"
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &targetError{code, err}
}

// refusal is the error of an answer. An answer to HEAD has no text.
func refusal(status int, text []byte) error {
	var doc struct {
		XMLName xml.Name `xml:"Error"`
		Code    string   `xml:"Code"`
		Message string   `xml:"Message"`
	}
	if xml.Unmarshal(text, &doc) != nil || doc.Code == "" || len(doc.Code) > 64 {
		doc.Code = map[int]string{403: "AccessDenied", 404: "NoSuchBucket", 503: "ServiceUnavailable"}[status]
		if doc.Code == "" {
			doc.Code = "InternalError"
		}
	}
	return &targetError{doc.Code, fmt.Errorf("the store answers %d %s", status, doc.Message)}
}
