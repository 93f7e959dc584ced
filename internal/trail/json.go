package trail

import (
	"encoding/json"
	"strconv"
	"time"
)

// AppendJSON appends the event as CloudTrail writes it. It is written out by
// hand because every request pays for it.
func (e *Event) AppendJSON(b []byte) []byte {
	b = append(b, `{"eventVersion":`...)
	b = appendText(b, e.EventVersion)
	b = append(b, `,"userIdentity":`...)
	b = e.UserIdentity.appendJSON(b)
	b = append(b, `,"eventTime":`...)
	b = appendTime(b, e.EventTime)
	b = appendField(b, "eventSource", e.EventSource)
	b = appendField(b, "eventName", e.EventName)
	b = appendField(b, "awsRegion", e.AWSRegion)
	b = appendField(b, "sourceIPAddress", e.SourceIPAddress)
	b = appendField(b, "userAgent", e.UserAgent)
	b = appendOptional(b, "errorCode", e.ErrorCode)
	b = appendOptional(b, "errorMessage", e.ErrorMessage)
	b = appendRaw(b, "requestParameters", e.RequestParameters, true)
	b = appendRaw(b, "responseElements", e.ResponseElements, true)
	b = appendRaw(b, "additionalEventData", e.AdditionalEventData, false)
	b = appendField(b, "requestID", e.RequestID)
	b = appendField(b, "eventID", e.EventID)
	b = strconv.AppendBool(append(b, `,"readOnly":`...), e.ReadOnly)
	b = e.appendResources(b)
	b = appendField(b, "eventType", e.EventType)
	b = strconv.AppendBool(append(b, `,"managementEvent":`...), e.ManagementEvent)
	b = appendField(b, "recipientAccountId", e.RecipientAccountID)
	b = appendOptional(b, "sharedEventID", e.SharedEventID)
	b = appendField(b, "eventCategory", e.EventCategory)
	if t := e.TLS; t != nil {
		b = append(b, `,"tlsDetails":{`...)
		if t.Version != "" {
			b = appendField(appendText(append(b, `"tlsVersion":`...), t.Version), "cipherSuite", t.CipherSuite)
			b = append(b, ',')
		}
		b = append(appendText(append(b, `"clientProvidedHostHeader":`...), t.HostHeader), '}')
	}
	if e.FromConsole {
		b = append(b, `,"sessionCredentialFromConsole":"true"`...)
	}
	b = e.Own.appendJSON(append(b, `,"sallyport":`...))
	return append(b, '}')
}

// MarshalJSON is AppendJSON.
func (e *Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

func (id *Identity) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"type":`...), id.Type)
	b = appendOptional(b, "principalId", id.PrincipalID)
	b = appendOptional(b, "arn", id.ARN)
	b = appendOptional(b, "accountId", id.AccountID)
	b = appendOptional(b, "accessKeyId", id.AccessKeyID)
	b = appendOptional(b, "userName", id.UserName)
	if s := id.SessionContext; s != nil {
		b = s.appendJSON(append(b, `,"sessionContext":`...))
	}
	b = appendOptional(b, "invokedBy", id.InvokedBy)
	b = appendOptional(b, "identityProvider", id.IdentityProvider)
	return append(b, '}')
}

func (s *SessionContext) appendJSON(b []byte) []byte {
	b = append(b, '{')
	if i := s.SessionIssuer; i != nil {
		b = appendText(append(b, `"sessionIssuer":{"type":`...), i.Type)
		b = appendField(b, "principalId", i.PrincipalID)
		b = appendField(b, "arn", i.ARN)
		b = appendField(b, "accountId", i.AccountID)
		b = append(appendField(b, "userName", i.UserName), `},`...)
	}
	if w := s.WebIDFederationData; w != nil {
		b = appendMarshalled(append(b, `"webIdFederationData":`...), w)
		b = append(b, ',')
	}
	b = appendTime(append(b, `"attributes":{"creationDate":`...), s.Attributes.CreationDate)
	b = append(appendField(b, "mfaAuthenticated", s.Attributes.MFAAuthenticated), '}')
	b = appendOptional(b, "sourceIdentity", s.SourceIdentity)
	b = appendOptional(b, "assumedRoot", s.AssumedRoot)
	return append(b, '}')
}

func (e *Event) appendResources(b []byte) []byte {
	for i, r := range e.Resources {
		if i == 0 {
			b = append(b, `,"resources":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendText(append(b, `{"ARN":`...), r.ARN)
		b = appendOptional(b, "accountId", r.AccountID)
		b = append(appendOptional(b, "type", r.Type), '}')
	}
	if len(e.Resources) > 0 {
		b = append(b, ']')
	}
	return b
}

// start is what stands before element i of a list.
func start(i int, opening string) string {
	if i == 0 {
		return opening
	}
	return ","
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	return appendText(append(b, `":`...), value)
}

func appendOptional(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendField(b, name, value)
}

// appendRaw appends JSON that is known to be valid; null where there is none.
func appendRaw(b []byte, name string, value json.RawMessage, always bool) []byte {
	if value == nil && !always {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	if value == nil {
		return append(b, "null"...)
	}
	return append(b, value...)
}

// appendText quotes a text. What isn't UTF-8 becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return appendMarshalled(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func appendMarshalled(b []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts always encode
	}
	return append(b, text...)
}

func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
	return append(b, '"')
}
