// Package trail remembers what was done: one event for every call, in the
// record format of AWS CloudTrail, in a database of its own.
//
// An event of a changing call is durable when Append returns; events of
// reading calls are written in batches within FlushEvery. Events can be looked
// up by what CloudTrail's LookupEvents offers, in milliseconds, and followed as
// they come. They expire by whole days.
package trail

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
)

// Version is the version of CloudTrail's record format that events have
// (CloudTrail User Guide, "CloudTrail record contents").
const Version = "1.11"

// Event is a record of CloudTrail. The order of the fields is that of
// CloudTrail's own records. What is empty is left out, but for the fields that
// CloudTrail always shows.
type Event struct {
	EventVersion        string          `json:"eventVersion"`
	UserIdentity        Identity        `json:"userIdentity"`
	EventTime           time.Time       `json:"eventTime"` // whole seconds, UTC
	EventSource         string          `json:"eventSource"`
	EventName           string          `json:"eventName"`
	AWSRegion           string          `json:"awsRegion"`
	SourceIPAddress     string          `json:"sourceIPAddress"`
	UserAgent           string          `json:"userAgent"`
	ErrorCode           string          `json:"errorCode,omitempty"`
	ErrorMessage        string          `json:"errorMessage,omitempty"`
	RequestParameters   json.RawMessage `json:"requestParameters"`
	ResponseElements    json.RawMessage `json:"responseElements"`
	AdditionalEventData json.RawMessage `json:"additionalEventData,omitempty"`
	RequestID           string          `json:"requestID"`
	EventID             string          `json:"eventID"`
	ReadOnly            bool            `json:"readOnly"`
	Resources           []ARNResource   `json:"resources,omitempty"`
	EventType           string          `json:"eventType"`
	ManagementEvent     bool            `json:"managementEvent"`
	RecipientAccountID  string          `json:"recipientAccountId"`
	// SharedEventID is the same in the events of one call that went to the trails
	// of two accounts: the caller's, and that of the role that was assumed.
	SharedEventID string `json:"sharedEventID,omitempty"`
	EventCategory string `json:"eventCategory"`
	TLS           *TLS   `json:"tlsDetails,omitempty"`
	// FromConsole is true for calls that were made with the credentials of a
	// session of the web console.
	FromConsole bool `json:"sessionCredentialFromConsole,string,omitempty"`
	// Own is what CloudTrail has no place for.
	Own Own `json:"sallyport"`
}

// Types of events, categories and sources that are not a service's own.
const (
	TypeAPICall  = "AwsApiCall"
	TypeSignIn   = "AwsConsoleSignIn"
	CategoryAPI  = "Management"
	CategoryData = "Data"
	SignInSource = "signin.amazonaws.com"
)

// Identity is who made a call (CloudTrail User Guide, "CloudTrail userIdentity
// element").
type Identity struct {
	Type             string          `json:"type"`
	PrincipalID      string          `json:"principalId,omitempty"`
	ARN              string          `json:"arn,omitempty"`
	AccountID        string          `json:"accountId,omitempty"`
	AccessKeyID      string          `json:"accessKeyId,omitempty"`
	UserName         string          `json:"userName,omitempty"`
	SessionContext   *SessionContext `json:"sessionContext,omitempty"`
	InvokedBy        string          `json:"invokedBy,omitempty"`
	IdentityProvider string          `json:"identityProvider,omitempty"`
}

// Types of identities.
const (
	IdentityRoot          = "Root"
	IdentityUser          = "IAMUser"
	IdentityAssumedRole   = "AssumedRole"
	IdentityFederatedUser = "FederatedUser"
	IdentityWebIdentity   = "WebIdentityUser"
	IdentitySAML          = "SAMLUser"
	IdentityAccount       = "AWSAccount"
	IdentityService       = "AWSService"
	IdentityUnknown       = "Unknown"
)

// Anonymous is the account of who has signed nothing, an IdentityAccount.
const Anonymous = "ANONYMOUS_PRINCIPAL"

// SessionContext is about the temporary credentials that signed.
type SessionContext struct {
	SessionIssuer       *Issuer           `json:"sessionIssuer,omitempty"`
	WebIDFederationData *WebIDFederation  `json:"webIdFederationData,omitempty"`
	Attributes          SessionAttributes `json:"attributes"`
	SourceIdentity      string            `json:"sourceIdentity,omitempty"`
	AssumedRoot         string            `json:"assumedRoot,omitempty"` // "true" of a session that AssumeRoot made
}

// Issuer is the user or the role that temporary credentials were made from.
type Issuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

// WebIDFederation is the provider that vouched for a web identity.
type WebIDFederation struct {
	FederatedProvider string            `json:"federatedProvider,omitempty"`
	Attributes        map[string]string `json:"attributes,omitempty"`
}

// SessionAttributes are when a session was made, and whether with MFA.
type SessionAttributes struct {
	CreationDate     time.Time `json:"creationDate"` // whole seconds, UTC
	MFAAuthenticated string    `json:"mfaAuthenticated"`
}

// ARNResource is a resource that a call was about.
type ARNResource struct {
	ARN       string `json:"ARN"`
	AccountID string `json:"accountId,omitempty"`
	Type      string `json:"type,omitempty"`
}

// TLS is the connection that a call came over. Where it ended at a proxy, version
// and cipher suite are not known.
type TLS struct {
	Version     string `json:"tlsVersion,omitempty"`
	CipherSuite string `json:"cipherSuite,omitempty"`
	HostHeader  string `json:"clientProvidedHostHeader"`
}

// User is the name that LookupEvents knows the caller by: the user's name, the
// session's name, or root.
func (e *Event) User() string {
	id := &e.UserIdentity
	switch id.Type {
	case IdentityRoot:
		return "root"
	case IdentityAssumedRole, IdentityFederatedUser:
		for i := len(id.PrincipalID) - 1; i >= 0; i-- {
			if id.PrincipalID[i] == ':' {
				return id.PrincipalID[i+1:]
			}
		}
	}
	return id.UserName
}

// Entry is the event as the trail keeps it.
func (e *Event) Entry() Entry {
	return Entry{
		Account: e.RecipientAccountID, Time: e.EventTime, Record: e.AppendJSON(make([]byte, 0, 1024)),
		Keys: e.AppendKeys(make([]Key, 0, 6+2*len(e.Own.Named))),
	}
}

// AppendKeys appends what the event is found by.
func (e *Event) AppendKeys(keys []Key) []Key {
	for _, k := range [...]Key{
		{EventName, e.EventName},
		{EventSource, e.EventSource},
		{Username, e.User()},
		{AccessKeyID, e.UserIdentity.AccessKeyID},
	} {
		if k.Value != "" {
			keys = append(keys, k)
		}
	}
	if !e.ReadOnly {
		keys = append(keys, Key{ReadOnly, "false"})
	}
	for _, n := range e.Own.Named {
		keys = append(keys, Key{ResourceName, n.Name}, Key{ResourceType, n.Type})
	}
	return keys
}

// Line is the event in a line for a person to read: when, who, what, on what, and
// how it ended.
func (e *Event) Line() string {
	who := e.User()
	if who == "" {
		who = e.UserIdentity.ARN
	}
	if who == "" {
		who = e.UserIdentity.AccessKeyID
	}
	if who == "" {
		who = "-"
	}
	if e.UserIdentity.Type == IdentityAssumedRole && e.UserIdentity.SessionContext != nil && e.UserIdentity.SessionContext.SessionIssuer != nil {
		who = e.UserIdentity.SessionContext.SessionIssuer.UserName + "/" + who
	}
	end := "ok"
	if e.ErrorCode != "" {
		message, _, _ := strings.Cut(e.ErrorMessage, " Encoded authorization failure message:")
		end = e.ErrorCode + ": " + message
	}
	line := e.EventTime.UTC().Format(time.RFC3339) + " " + e.RecipientAccountID + " " + who + " " + e.SourceIPAddress + " " +
		strings.TrimSuffix(e.EventSource, ".amazonaws.com") + ":" + e.EventName
	for _, n := range e.Own.Named {
		line += " " + n.Name
	}
	return printable(line + " " + end + " " + e.EventID)
}

// printable puts a question mark in place of what would move a terminal's cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
