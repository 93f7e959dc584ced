package gate

import (
	"slices"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

// denied is a decision against the caller: an answer, not a fault.
type denied struct {
	request  policy.Request
	policies policy.Policies // that took part
	result   policy.Result
}

func (d *denied) Error() string { return d.result.Message(&d.request) }

// authorize decides every action that the request needs on every resource that
// it acts on. The first that is not allowed ends the way.
func (c *call) authorize() error {
	if c.op != nil && c.op.NeedsNoPermission {
		return nil
	}
	if err := c.sessionMay(); err != nil {
		return err
	}
	targets, err := c.targets()
	if err != nil {
		return err
	}
	c.action = c.actionName()
	c.setKeys()
	if targets[0].ARN != "*" {
		c.keys.Set("aws:ResourceAccount", c.caller.Account())
	}
	identity, boundary := c.caller.Snapshot.PoliciesOf(c.caller.User)
	in := policy.Policies{Identity: identity, Boundary: boundary}
	req := policy.Request{Principal: c.principal(), ResourceAccount: c.caller.Account(), Context: &c.keys}
	var also []string
	if c.op != nil && c.op.Also != nil {
		also = c.op.Also(c.in)
	}
	for i := -1; i < len(also); i++ {
		req.Action = c.action
		if i >= 0 {
			req.Action = also[i]
		}
		for _, t := range targets {
			req.Resource = t.ARN
			c.setResourceTags(t.Tags)
			if res := policy.Evaluate(&req, &in); !res.Allowed() {
				return &denied{req, in, res}
			}
		}
	}
	return nil
}

// sessionMay refuses what GetSessionToken's credentials can't call, whatever
// policies say: STS, but for AssumeRole and what needs no permission.
func (c *call) sessionMay() error {
	if c.caller.Session == nil || c.sig.Service != "sts" || c.target.Name == "AssumeRole" {
		return nil
	}
	return awsapi.AccessDenied.New("Cannot call %s with session credentials", c.target.Name)
}

// actionName is the IAM action of the request. Where the operation can't be
// known it is one that only policies about the whole service match.
func (c *call) actionName() string {
	if op := c.target.Operation; op != nil {
		a := op.Action
		if op.VersionAction != nil && c.r.URL.Query().Has("versionId") {
			a = op.VersionAction
		}
		if a != nil {
			return a.String()
		}
	}
	prefix := awsapi.Prefix(c.sig.Service)
	if c.target.Name == "" {
		return prefix + ":*"
	}
	return prefix + ":" + c.target.Name
}

// targets are the resources that the request acts on.
func (c *call) targets() ([]service.Target, error) {
	if c.op != nil && c.op.Targets != nil {
		return c.op.Targets(&c.caller, c.in)
	}
	if c.op != nil && c.op.Target != nil {
		return c.resolved()
	}
	return c.derived()
}

// resolved are the resources as the service itself resolves the types that the
// authorization reference names.
func (c *call) resolved() ([]service.Target, error) {
	action := c.target.Operation.Action
	if action == nil || len(action.Resources) == 0 {
		return []service.Target{{ARN: "*"}}, nil
	}
	targets := make([]service.Target, len(action.Resources))
	for i, r := range action.Resources {
		t, err := c.op.Target(r.Type.Name, &c.caller, c.in)
		if err != nil {
			return nil, err
		}
		targets[i] = t
	}
	return targets, nil
}

func (c *call) principal() policy.Principal {
	p := policy.Principal{Type: policy.User, ARN: c.caller.ARN(), Account: c.caller.Account(), ID: c.caller.User.ID}
	if c.caller.Root() {
		p.Type = policy.Root
	}
	return p
}

// dryRun reports whether the request only asks if it would be allowed (EC2).
func (c *call) dryRun() bool {
	if c.target.Service == nil || c.target.Service.Name != "ec2" {
		return false
	}
	if doc, ok := c.in.(*map[string]any); ok && slices.Contains([]any{true, "true"}, (*doc)["DryRun"]) {
		return true
	}
	// It is a common parameter of EC2, which the model doesn't name for every
	// operation.
	return c.target.Form != nil && c.target.Form.Get("DryRun") == "true"
}
