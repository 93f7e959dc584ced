package server

import (
	"crypto/rand"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/console"
	"github.com/sallyport-iam/sallyport/internal/directory"
)

// TestSignInEvents: the events of sign-ins have the members that CloudTrail's
// have, in its order.
func TestSignInEvents(t *testing.T) {
	const code, key = "arn:aws:iam::111122223333:mfa/phone", "arn:aws:iam::111122223333:u2f/user/ann/key-AAAAAAAABBBBBBBBCCCCCCCCDD"
	user := func(serials ...string) *directory.User {
		u := &directory.User{ID: "AIDACKCEVSQ6C2EXAMPLE", Name: "ann"}
		for _, s := range serials {
			u.MFA = append(u.MFA, directory.EnabledMFA{Serial: s})
		}
		return u
	}
	for _, tt := range []struct {
		name    string
		attempt console.Attempt
		want    string // the parts that differ
	}{
		{
			"success",
			console.Attempt{What: console.SignedIn, User: user()},
			`"" {"ConsoleLogin":"Success"} {"LoginTo":"https://sally.example/console/","MobileVersion":"No","MFAUsed":"No"}`,
		},
		{
			"with MFA",
			console.Attempt{What: console.SignedIn, User: user(key), MFA: true, Device: key},
			`"" {"ConsoleLogin":"Success"} {"LoginTo":"https://sally.example/console/","MobileVersion":"No","MFAIdentifier":"` + key + `","MFAUsed":"Yes"}`,
		},
		{
			"failure",
			console.Attempt{What: console.SignedIn, User: user(), Refused: "Failed authentication"},
			`"Failed authentication" {"ConsoleLogin":"Failure"} {"LoginTo":"https://sally.example/console/","MobileVersion":"No","MFAUsed":"No"}`,
		},
		{
			"failure with MFA",
			console.Attempt{What: console.SignedIn, User: user(code), MFA: true, Refused: "Failed authentication"},
			`"Failed authentication" {"ConsoleLogin":"Failure"} {"LoginTo":"https://sally.example/console/","MobileVersion":"No","MFAUsed":"Yes"}`,
		},
		{"asked for a code", console.Attempt{What: console.AskedForMFA, User: user(code)}, `"" {"CheckMfa":"Success"} {"MfaType":"Virtual MFA"}`},
		{"asked for a passkey", console.Attempt{What: console.AskedForMFA, User: user(key, key)}, `"" {"CheckMfa":"Success"} {"MfaType":"U2F MFA"}`},
		{"asked for either", console.Attempt{What: console.AskedForMFA, User: user(key, code)}, `"" {"CheckMfa":"Success"} {"MfaType":"Multiple MFA Devices"}`},
		{"another password", console.Attempt{What: console.PasswordUpdated, User: user()}, `"" {"PasswordUpdated":"Success"} `},
	} {
		a := tt.attempt
		a.ID, a.Account, a.URL, a.Time = "id", "111122223333", "https://sally.example/console/", time.Unix(0, 0)
		e := (&Server{cfg: Config{Rand: rand.Reader}}).signInEvent(a)
		message, err := json.Marshal(e.ErrorMessage)
		if err != nil {
			t.Fatal(err)
		}
		got := string(message) + " " + string(e.ResponseElements) + " " + string(e.AdditionalEventData)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if e.EventName != string(a.What) || e.EventSource != "signin.amazonaws.com" || e.EventType != "AwsConsoleSignIn" || e.RequestParameters != nil || e.UserIdentity.UserName != "ann" {
			t.Errorf("%s: %+v", tt.name, e)
		}
	}
}
