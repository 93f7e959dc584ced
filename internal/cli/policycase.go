package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sallyport-iam/sallyport/policy"
)

// document is a policy document inside a case: an object, or its text.
type document []byte

// UnmarshalJSON keeps the document's text.
func (d *document) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	if b[0] == '"' {
		var s string
		err := json.Unmarshal(b, &s)
		*d = document(s)
		return err
	}
	*d = slices.Clone(b)
	return nil
}

// policyCase is one case of a test file: a decision (the request, all policies
// that can apply, and what is expected), or a document that is to be valid or not.
type policyCase struct {
	Name             string              `json:"name"`
	IdentityPolicies []document          `json:"identityPolicies"`
	Boundary         document            `json:"boundary"`
	SessionPolicies  []document          `json:"sessionPolicies"`
	SCPs             [][]document        `json:"scps"`
	RCPs             [][]document        `json:"rcps"`
	ResourcePolicy   document            `json:"resourcePolicy"`
	Principal        casePrincipal       `json:"principal"`
	Action           string              `json:"action"`
	Resource         string              `json:"resource"`
	ResourceAccount  string              `json:"resourceAccount"`
	Context          map[string][]string `json:"context"`

	Document document `json:"document"`
	Kind     string   `json:"kind"`
	Inline   bool     `json:"inline"`

	Expect string `json:"expect"`
	Why    string `json:"why"`
}

type casePrincipal struct {
	Type     string `json:"type"`
	ARN      string `json:"arn"`
	Account  string `json:"account"`
	RoleARN  string `json:"roleArn"`
	UserARN  string `json:"userArn"`
	Service  string `json:"service"`
	Provider string `json:"provider"`
}

var principalTypes = map[string]policy.PrincipalType{
	"anonymous": policy.Anonymous, "user": policy.User, "assumedRole": policy.AssumedRole, "federatedUser": policy.FederatedUser,
	"root": policy.Root, "service": policy.Service, "webIdentity": policy.WebIdentity, "saml": policy.SAML,
}

// readCases reads a file of cases: a list, or one case alone; JSON or, by the
// file's name, YAML.
func readCases(path string) ([]policyCase, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml") {
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if text, err = json.Marshal(v); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	text = bytes.TrimSpace(text)
	if len(text) > 0 && text[0] == '{' {
		text = slices.Concat([]byte("["), text, []byte("]"))
	}
	var cases []policyCase
	if err := json.Unmarshal(text, &cases); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cases, nil
}

// request makes the request of a decision.
func (c *policyCase) request() (*policy.Request, error) {
	kind, ok := principalTypes[c.Principal.Type]
	if !ok {
		return nil, fmt.Errorf("principal type %q is not one of %s", c.Principal.Type, strings.Join(names(principalTypes), ", "))
	}
	if c.Action == "" {
		return nil, fmt.Errorf("the request has no action")
	}
	keys := new(policy.Context)
	for name, values := range c.Context {
		if len(values) == 1 && !policy.Multivalued(name) {
			keys.Set(name, values[0])
		} else {
			keys.SetValues(name, values...)
		}
	}
	p := c.Principal
	return &policy.Request{
		Action: c.Action, Resource: c.Resource, ResourceAccount: c.ResourceAccount, Context: keys,
		Principal: policy.Principal{
			Type: kind, ARN: p.ARN, Account: p.Account, RoleARN: p.RoleARN,
			UserARN: p.UserARN, Service: p.Service, Provider: p.Provider,
		},
	}, nil
}

func names[V any](m map[string]V) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// policies compiles the policies of a decision. One that can't be read is an error.
func (c *policyCase) policies() (*policy.Policies, error) {
	l := loader{}
	in := &policy.Policies{Identity: l.set("identityPolicies", c.IdentityPolicies, policy.Inline)}
	if len(c.SessionPolicies) > 0 {
		in.Session = l.set("sessionPolicies", c.SessionPolicies, policy.Session)
	}
	for i, level := range c.SCPs {
		in.SCPs = append(in.SCPs, l.set(fmt.Sprintf("scps[%d]", i), level, policy.SCP))
	}
	for i, level := range c.RCPs {
		in.RCPs = append(in.RCPs, l.set(fmt.Sprintf("rcps[%d]", i), level, policy.RCP))
	}
	in.Boundary = l.one("boundary", c.Boundary, policy.Boundary)
	kind := policy.Resource
	if strings.HasPrefix(strings.ToLower(c.Action), "sts:") {
		kind = policy.Trust
	}
	in.Resource = l.one("resourcePolicy", c.ResourcePolicy, kind)
	return in, l.err
}

// loader compiles documents and keeps the first error.
type loader struct{ err error }

func (l *loader) one(name string, d document, kind policy.Kind) *policy.Policy {
	if len(d) == 0 {
		return nil
	}
	p := policy.Load(string(d), kind).Named(policy.Source{Name: name})
	if err := p.Refusal(); err != nil && l.err == nil {
		l.err = fmt.Errorf("%s: %w", name, err)
	}
	return p
}

func (l *loader) set(name string, docs []document, kind policy.Kind) *policy.Set {
	var all []*policy.Policy
	for i, d := range docs {
		all = append(all, l.one(fmt.Sprintf("%s[%d]", name, i), d, kind))
	}
	return policy.NewSet(all...)
}

// kinds are the kinds of documents by the names that cases and flags give them.
var kinds = map[string]policy.Kind{
	"identity": policy.Managed, "managed": policy.Managed, "inline": policy.Inline, "resource": policy.Resource,
	"trust": policy.Trust, "boundary": policy.Boundary, "session": policy.Session, "scp": policy.SCP, "rcp": policy.RCP,
}
