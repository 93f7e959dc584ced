package sigv4

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// doorkeeper is a server that verifies and answers 204, or else 403.
type doorkeeper struct {
	*Verifier
	payload atomic.Value // PayloadHash of the last request
	body    atomic.Value // its body
	failure atomic.Value // the last refusal
	chunked atomic.Bool  // whether a body came in chunks
}

func (d *doorkeeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sig, body, err := accept(d.Verifier, r, "secret")
	if err != nil {
		d.failure.Store(err)
		w.WriteHeader(http.StatusForbidden)
		return
	}
	d.payload.Store(sig.PayloadHash)
	d.chunked.CompareAndSwap(false, sig.PayloadHash == StreamingUnsignedTrailer)
	d.body.Store(body)
	w.WriteHeader(http.StatusNoContent)
}

// The AWS SDK's own clients get in over HTTP/1.1, over TLS and over HTTP/2.
func TestSDKClients(t *testing.T) {
	for _, door := range []string{"http", "https", "h2"} {
		t.Run(door, func(t *testing.T) {
			d := &doorkeeper{Verifier: &Verifier{}}
			server := httptest.NewUnstartedServer(d)
			server.EnableHTTP2 = door == "h2"
			if door == "http" {
				server.Start()
			} else {
				server.StartTLS()
			}
			defer server.Close()
			cred := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "secret", SessionToken: "IQoJ+/=="}, nil
			})
			cfg := aws.Config{
				Region: "eu-west-1", Credentials: cred, HTTPClient: server.Client(), BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
				RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, // as config.LoadDefaultConfig has it
			}
			callAll(t, cfg, d)
			// Over TLS the SDK doesn't hash what a checksum trailer covers.
			if want := (door != "http"); d.chunked.Load() != want {
				t.Errorf("chunked bodies came: %v, want %v", d.chunked.Load(), want)
			}
		})
	}
}

func callAll(t *testing.T, cfg aws.Config, d *doorkeeper) {
	ctx := t.Context()
	store := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	content := bytes.Repeat([]byte("content "), 20000)
	for name, call := range map[string]func() error{
		"iam": func() error {
			_, err := iam.NewFromConfig(cfg).GetUser(ctx, &iam.GetUserInput{UserName: aws.String("größe +&")})
			return err
		},
		"dynamodb": func() error {
			_, err := dynamodb.NewFromConfig(cfg).GetItem(ctx, &dynamodb.GetItemInput{
				TableName: aws.String("t"), Key: map[string]dynamotypes.AttributeValue{"a": &dynamotypes.AttributeValueMemberS{Value: "b"}},
			})
			return err
		},
		"s3 put": func() error {
			_, err := store.PutObject(ctx, &s3.PutObjectInput{
				Bucket: aws.String("b"), Key: aws.String("a b/../é+//"), Body: bytes.NewReader(content), Metadata: map[string]string{"k": "a  b, c"},
			})
			if got, _ := d.body.Load().([]byte); err == nil && !bytes.Equal(got, content) {
				return errors.New("another body arrived")
			}
			return err
		},
		"s3 attributes": func() error { // sends one header several times
			_, err := store.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{
				Bucket: aws.String("b"), Key: aws.String("k"), ObjectAttributes: []s3types.ObjectAttributes{"ETag", "Checksum"},
			})
			return err
		},
		"s3 presigned": func() error {
			p, err := s3.NewPresignClient(store).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("a+b c")})
			if err != nil {
				return err
			}
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
			if err != nil {
				return err
			}
			answer, err := cfg.HTTPClient.Do(r)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusNoContent {
				return errors.New(answer.Status)
			}
			return nil
		},
	} {
		d.failure = atomic.Value{}
		err := call()
		if refusal := d.failure.Load(); refusal != nil {
			t.Errorf("%s: refused: %v", name, refusal)
		} else if err != nil {
			// The answers are empty, so that some clients can't read them.
			t.Logf("%s: %v", name, err)
		}
	}
}

// What Signer signs travels as net/http sends it, chunks and trailers included.
func TestSignedStreamTravels(t *testing.T) {
	d := &doorkeeper{Verifier: &Verifier{}}
	server := httptest.NewServer(d)
	defer server.Close()
	content := bytes.Repeat([]byte("content "), 20000)
	for _, kind := range streamKinds {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/b/k", bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		r.Trailer = checksums(kind)
		s := Signer{KeyID: "AKIA", Secret: "secret", Region: "r", Service: "s3"}
		if err := s.SignStream(r, kind, int64(len(content)), time.Now()); err != nil {
			t.Fatal(err)
		}
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		got, _ := d.body.Load().([]byte)
		if answer.StatusCode != http.StatusNoContent || d.payload.Load() != kind || !bytes.Equal(got, content) {
			t.Errorf("%s: %s, %v, %d bytes", kind, answer.Status, d.failure.Load(), len(got))
		}
	}
}
