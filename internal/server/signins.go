package server

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/console"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// maxAgent is how much of what a browser calls itself is kept, in bytes.
const maxAgent = 1024

// noteSignIn writes CloudTrail's ConsoleLogin event of an attempt to sign in
// ("AWS Management Console sign-in events" in the CloudTrail user guide). What
// names no account is nobody's event. The name of a user that doesn't exist is
// not shown: it may be a password, typed in the wrong field.
func (s *Server) noteSignIn(a console.Attempt) {
	if a.Account == "" {
		return
	}
	e := trail.Event{
		EventVersion: trail.Version, EventTime: a.Time.UTC().Truncate(time.Second), EventSource: trail.SignInSource, EventName: "ConsoleLogin",
		AWSRegion: "us-east-1", SourceIPAddress: a.Address, UserAgent: strings.ToValidUTF8(a.Agent[:min(len(a.Agent), maxAgent)], ""), EventType: trail.TypeSignIn, ManagementEvent: true,
		RecipientAccountID: a.Account, EventCategory: trail.CategoryAPI, EventID: seal.TimeUUID(s.cfg.Rand, a.Time), RequestID: seal.UUID(s.cfg.Rand),
		UserIdentity:        trail.Identity{Type: trail.IdentityUser, AccountID: a.Account, UserName: "HIDDEN_DUE_TO_SECURITY_REASONS"},
		ResponseElements: json.RawMessage(`{"ConsoleLogin":"Success"}`),
	}
	if u := a.User; u != nil {
		e.UserIdentity = trail.Identity{Type: trail.IdentityUser, PrincipalID: u.ID, ARN: u.ARN(), AccountID: a.Account, UserName: u.Name}
		if u.Root() {
			e.UserIdentity.Type, e.UserIdentity.UserName = trail.IdentityRoot, ""
		}
	}
	used := "No"
	if a.MFA {
		used = "Yes"
	}
	to, _ := json.Marshal(s.started.Endpoint + console.Path) // a text always encodes
	e.AdditionalEventData = json.RawMessage(`{"LoginTo":` + string(to) + `,"MobileVersion":"No","MFAUsed":"` + used + `"}`)
	if a.Refused != "" {
		e.ErrorMessage, e.ResponseElements = a.Refused, json.RawMessage(`{"ConsoleLogin":"Failure"}`)
	}
	if err := s.trail.log.Note(e.Entry()); err != nil {
		s.cfg.Log.Error("sign-in not noted in the trail", "error", err)
	}
}
