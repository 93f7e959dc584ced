package trail

import "strconv"

// Own is Sallyport's part of an event.
type Own struct {
	Decision string `json:"decision,omitempty"` // Allow, Deny, or empty where nothing was decided
	Reason   string `json:"reason,omitempty"`   // why, in a line
	Micros   int64  `json:"durationMicros"`     // from the request's headers to its answer
	Named    []Name `json:"resources,omitempty"`
	// Revision of the directory that the call was decided on.
	Revision uint64 `json:"revision,omitempty"`
	// Action and Targets are what was authorised.
	Action  string   `json:"action,omitempty"`
	Targets []string `json:"targets,omitempty"`
	// Keys are the condition keys of the request that nothing else in the event
	// tells.
	Keys map[string][]string `json:"keys,omitempty"`
	// Tags are those of the targets, as they were, by the target's ARN.
	Tags map[string]map[string]string `json:"tags,omitempty"`
	// Also are further actions that were authorised, such as iam:PassRole.
	Also []Further `json:"also,omitempty"`
	// Policies names what decided, as it was: see Log.Deciding.
	Policies string `json:"policies,omitempty"`
	// Session is what the session that signed was narrowed to, if it was.
	Session *SessionPolicies `json:"session,omitempty"`
	// Explanation of a denial: what each policy said, as the policies were.
	Explanation string `json:"explanation,omitempty"`
}

// Name is a resource as LookupEvents names it, such as AWS::IAM::User, alice.
type Name struct {
	Type string `json:"resourceType"`
	Name string `json:"resourceName"`
}

// Further is an action that a call needs besides that of its operation.
type Further struct {
	Action  string                       `json:"action"`
	Targets []string                     `json:"targets"`
	Keys    map[string]string            `json:"keys,omitempty"` // that hold for this action alone
	Tags    map[string]map[string]string `json:"tags,omitempty"`
}

// SessionPolicies are the policies of temporary credentials.
type SessionPolicies struct {
	Document string   `json:"policy,omitempty"`
	ARNs     []string `json:"policyArns,omitempty"` // of managed policies
}

func (o *Own) appendJSON(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"durationMicros":`...), o.Micros, 10)
	b = appendOptional(b, "decision", o.Decision)
	b = appendOptional(b, "reason", o.Reason)
	if o.Revision > 0 {
		b = strconv.AppendUint(append(b, `,"revision":`...), o.Revision, 10)
	}
	b = appendOptional(b, "action", o.Action)
	for i, t := range o.Targets {
		b = append(b, start(i, `,"targets":[`)...)
		b = appendText(b, t)
	}
	if len(o.Targets) > 0 {
		b = append(b, ']')
	}
	for i, n := range o.Named {
		b = append(b, start(i, `,"resources":[`)...)
		b = appendText(append(b, `{"resourceType":`...), n.Type)
		b = append(appendField(b, "resourceName", n.Name), '}')
	}
	if len(o.Named) > 0 {
		b = append(b, ']')
	}
	b = appendOptional(b, "policies", o.Policies)
	b = o.appendAsked(b)
	b = appendOptional(b, "explanation", o.Explanation)
	return append(b, '}')
}

// appendAsked appends what few events have.
func (o *Own) appendAsked(b []byte) []byte {
	if len(o.Keys) > 0 {
		b = appendMember(b, "keys", o.Keys)
	}
	if len(o.Tags) > 0 {
		b = appendMember(b, "tags", o.Tags)
	}
	if len(o.Also) > 0 {
		b = appendMember(b, "also", o.Also)
	}
	if o.Session != nil {
		b = appendMember(b, "session", o.Session)
	}
	return b
}

func appendMember(b []byte, name string, v any) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	return appendMarshalled(b, v)
}
