package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/console"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/gate"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// maxAgent is how much of what a browser calls itself is kept, in bytes.
const maxAgent = 1024

// noteSignIn writes CloudTrail's event of an attempt to sign in, or of a step of
// one ("AWS Management Console sign-in events" in the CloudTrail user guide).
// What names no account is nobody's event. The name of a user that doesn't exist
// is not shown: it may be a password, typed in the wrong field.
func (s *Server) noteSignIn(a console.Attempt) {
	if a.Account == "" {
		return
	}
	err := s.trail.log.Note(s.signInEvent(a).Entry())
	if err != nil {
		s.cfg.Log.Error("sign-in not noted in the trail", "error", err)
	}
	if a.Stored {
		s.trail.remembered(a.ID, err)
	}
}

// signInEvent is the event of an attempt.
func (s *Server) signInEvent(a console.Attempt) *trail.Event {
	name, result := string(a.What), "Success"
	if a.Refused != "" {
		result = "Failure"
	}
	e := &trail.Event{
		EventVersion: trail.Version, EventTime: a.Time.UTC().Truncate(time.Second), EventSource: trail.SignInSource, EventName: name,
		AWSRegion: "us-east-1", SourceIPAddress: a.Address, UserAgent: strings.ToValidUTF8(a.Agent[:min(len(a.Agent), maxAgent)], ""), EventType: trail.TypeSignIn, ManagementEvent: true,
		RecipientAccountID: a.Account, EventCategory: trail.CategoryAPI, EventID: a.ID, RequestID: seal.UUID(s.cfg.Rand),
		UserIdentity:     trail.Identity{Type: trail.IdentityUser, AccountID: a.Account, UserName: "HIDDEN_DUE_TO_SECURITY_REASONS"},
		ErrorMessage:     a.Refused,
		ResponseElements: mustJSON(map[string]string{name: result}),
	}
	if u := a.User; u != nil {
		e.UserIdentity = trail.Identity{Type: trail.IdentityUser, PrincipalID: u.ID, ARN: u.ARN(), AccountID: a.Account, UserName: u.Name}
		if u.Root() {
			e.UserIdentity.Type, e.UserIdentity.UserName = trail.IdentityRoot, ""
		}
	}
	switch a.What {
	case console.SignedIn:
		e.AdditionalEventData = mustJSON(loginData{LoginTo: a.URL, MobileVersion: "No", MFAIdentifier: a.Device, MFAUsed: yesOrNo(a.MFA)})
	case console.AskedForMFA:
		e.AdditionalEventData = mustJSON(map[string]string{"MfaType": mfaType(a.User)})
	}
	return e
}

// loginData is what ConsoleLogin says besides, in CloudTrail's order.
type loginData struct {
	LoginTo       string
	MobileVersion string
	MFAIdentifier string `json:",omitempty"`
	MFAUsed       string
}

func yesOrNo(b bool) string {
	if b {
		return "Yes"
	}
	return "No"
}

// mfaType is what CheckMfa calls the devices that the user has.
func mfaType(u *directory.User) string {
	var passkeys int
	for _, d := range u.MFA {
		if directory.IsPasskey(d.Serial) {
			passkeys++
		}
	}
	switch passkeys {
	case 0:
		return "Virtual MFA"
	case len(u.MFA):
		return "U2F MFA"
	}
	return "Multiple MFA Devices"
}

// mustJSON is v, of texts alone, as JSON.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts always encode
	}
	return b
}

// enablePasskey has passkeys that the console verified enabled by way of the gate.
func (s *Server) enablePasskey(door *gate.Gate) func(*http.Request, console.Enabling) *console.Refusal {
	return func(r *http.Request, e console.Enabling) *console.Refusal {
		id, err := door.Own(r, gate.Own{
			KeyID: e.KeyID, SessionToken: e.SessionToken, Service: "iam", Operation: s.iam.Passkey(e.Credential),
			In: &api.EnableMFADeviceRequest{UserName: e.User, SerialNumber: e.Serial}, Ask: e.Credential == nil,
		})
		if err == nil {
			return nil
		}
		return &console.Refusal{Code: string(err.Code), Message: err.Message, RequestID: id, Status: awsapi.ByName("iam").Status(string(err.Code))}
	}
}
