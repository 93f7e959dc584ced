package sigv4_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/sallyport-iam/sallyport/sigv4"
)

func ExampleVerifier() {
	now := time.Date(2026, 3, 1, 12, 30, 45, 0, time.UTC)
	secrets := map[string]string{"AKIARZPUZDIKGB2VALC4": "secret"}

	// The client's side.
	r := httptest.NewRequest(http.MethodGet, "https://iam.amazonaws.com/?Action=GetUser", nil)
	signer := sigv4.Signer{KeyID: "AKIARZPUZDIKGB2VALC4", Secret: "secret", Region: "us-east-1", Service: "iam"}
	if err := signer.Sign(r, sigv4.EmptyPayload, now); err != nil {
		fmt.Println(err)
		return
	}

	// The server's side, five minutes later.
	verifier := &sigv4.Verifier{Now: func() time.Time { return now.Add(5 * time.Minute) }}
	sig, err := verifier.Parse(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	secret, known := secrets[sig.KeyID] // whose key is it, and is it active?
	if !known {
		fmt.Println("unknown key", sig.KeyID)
		return
	}
	fmt.Println("signed by", sig.KeyID, "for", sig.Service, verifier.Verify(r, sig, secret, nil))

	r.URL.RawQuery = "Action=DeleteUser"
	err = verifier.Verify(r, sig, secret, nil)
	fmt.Println("changed:", errors.Is(err, sigv4.SignatureDoesNotMatch))
	// Output:
	// signed by AKIARZPUZDIKGB2VALC4 for iam <nil>
	// changed: true
}
