package gate

import (
	"encoding/json"

	"github.com/sallyport-iam/sallyport/policy"
)

// denialDetails is what an encoded authorization message says, in the form that
// DecodeAuthorizationMessage shows it (docs/facts, 10.2).
type denialDetails struct {
	Allowed           bool             `json:"allowed"`
	ExplicitDeny      bool             `json:"explicitDeny"`
	MatchedStatements items[statement] `json:"matchedStatements"`
	Failures          items[struct{}]  `json:"failures"`
	Context           denialContext    `json:"context"`
	// Explanation is what AWS doesn't tell: per policy and statement what
	// matched, or the first part that didn't.
	Explanation policy.Explanation `json:"explanation"`
}

type items[T any] struct {
	Items []T `json:"items"`
}

// statement is the one that denied.
type statement struct {
	SourcePolicy    string `json:"sourcePolicyId"`
	SourcePolicyARN string `json:"sourcePolicyArn,omitempty"`
	Number          int    `json:"statement"` // from 0
}

type denialContext struct {
	Principal  denialPrincipal     `json:"principal"`
	Action     string              `json:"action"`
	Resource   string              `json:"resource"`
	Conditions items[conditionKey] `json:"conditions"`
}

type denialPrincipal struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	ARN  string `json:"arn"`
}

type conditionKey struct {
	Key    string               `json:"key"`
	Values items[conditionItem] `json:"values"`
}

type conditionItem struct {
	Value string `json:"value"`
}

// encodedDenial seals the details of a denial for those who may decode it.
func (c *call) encodedDenial(d *denied) string {
	details := denialDetails{
		ExplicitDeny:      d.result.Decision == policy.ExplicitDeny,
		MatchedStatements: items[statement]{[]statement{}},
		Failures:          items[struct{}]{[]struct{}{}},
		Context: denialContext{
			Principal:  denialPrincipal{ID: c.caller.ID(), ARN: c.caller.ARN()},
			Action:     d.request.Action,
			Resource:   d.request.Resource,
			Conditions: items[conditionKey]{c.conditions()},
		},
		Explanation: policy.Explain(&d.request, &d.policies),
	}
	if u := c.caller.User; u != nil && !u.Root() {
		details.Context.Principal.Name = u.Name
	}
	if p := d.result.Policy; details.ExplicitDeny && p != nil {
		details.MatchedStatements.Items = append(details.MatchedStatements.Items,
			statement{SourcePolicy: p.Source().Name, SourcePolicyARN: p.Source().ARN, Number: d.result.Statement})
	}
	message := c.seal(&details)
	if len(message) > maxEncoded {
		details.Explanation.Policies = nil // the reason stays
		message = c.seal(&details)
	}
	return message
}

// maxEncoded is how long a message DecodeAuthorizationMessage takes, in characters.
const maxEncoded = 10240

func (c *call) seal(details *denialDetails) string {
	b, err := json.Marshal(details)
	if err != nil {
		panic(err) // it is all text
	}
	return c.g.opts.Directory.SealDenial(c.caller.Account(), string(b))
}

// shownConditions are the keys of the request that an encoded message tells.
var shownConditions = []string{"aws:RequestedRegion", "aws:SourceIp", "aws:SecureTransport", "aws:PrincipalType", "aws:username", "ec2:Region"}

func (c *call) conditions() []conditionKey {
	keys := []conditionKey{}
	for _, name := range shownConditions {
		if v, ok := c.keys.Value(name); ok {
			keys = append(keys, conditionKey{name, items[conditionItem]{[]conditionItem{{v}}}})
		}
	}
	return keys
}
