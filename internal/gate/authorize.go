package gate

import (
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

// denied is a decision against the caller: an answer, not a fault.
type denied struct {
	request  policy.Request
	policies policy.Policies // that took part
	result   policy.Result
	resource string // what the service calls it; empty means by its ARN
}

func (d *denied) Error() string { return d.result.Message(&d.request) }

// aboutRole reports whether the request is to assume a role: those who may not
// aren't told whether it exists.
func (d *denied) aboutRole() bool {
	return strings.HasPrefix(d.request.Action, "sts:") && strings.Contains(d.request.Resource, ":role/")
}

// authorize decides every action that the request needs on every resource that
// it acts on. The first that is not allowed ends the way.
func (c *call) authorize() error {
	if err := c.govern(); err != nil {
		return err
	}
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
	in := c.caller.Snapshot.PoliciesFor(&c.caller.Principal)
	in.SCPs = c.scps()
	if err := c.allowed(&in, c.action, targets); err != nil {
		return err
	}
	for _, more := range c.permissions() {
		if err := c.also(&in, more, targets); err != nil {
			return err
		}
	}
	return nil
}

// permissions are those that the request needs besides that of its operation.
func (c *call) permissions() []service.Permission {
	if c.op != nil && c.op.Also != nil {
		return c.op.Also(&c.caller, c.in)
	}
	return c.passedRoles()
}

// allowed decides one action on all resources that it acts on.
func (c *call) allowed(in *policy.Policies, action string, targets []service.Target) error {
	req := policy.Request{Action: action, Principal: c.caller.AsPolicy(), Context: &c.keys}
	for i := range targets {
		t := &targets[i]
		req.Resource, req.ResourceAccount, in.Resource = t.ARN, c.owner(t), t.Policy
		in.RCPs = c.rcps(req.ResourceAccount)
		c.setResource(t)
		res := policy.Evaluate(&req, in)
		c.note(action, t, in, res)
		if !res.Allowed() {
			if c.g.opts.Trail != nil {
				text := policy.Explain(&req, in).String()
				c.noted.explained = strings.ToValidUTF8(text[:min(len(text), maxExplained)], "")
			}
			return &denied{req, *in, res, t.Said}
		}
	}
	return nil
}

// also decides a further action that the request needs.
func (c *call) also(in *policy.Policies, more service.Permission, targets []service.Target) error {
	if more.Targets != nil {
		targets = more.Targets
	}
	if len(more.Keys) == 0 {
		return c.allowed(in, more.Action, targets)
	}
	c.more = more.Keys
	c.resetKeys()
	if err := c.allowed(in, more.Action, targets); err != nil {
		return err
	}
	c.more = nil
	c.resetKeys()
	return nil
}

// owner is the account that a resource belongs to.
func (c *call) owner(t *service.Target) string {
	if t.Owner != "" {
		return t.Owner
	}
	return c.caller.Account()
}

// sessionMay refuses what temporary credentials can't call of STS, whatever
// policies say (docs/facts, 10.1).
func (c *call) sessionMay() error {
	s := c.caller.Session
	if s == nil || c.sig.Service != "sts" {
		return nil
	}
	switch name := c.target.Name; s.Kind {
	case directory.RoleSession, directory.RootSession, directory.ConsoleSession:
		if name != "GetFederationToken" && name != "GetSessionToken" {
			return nil
		}
	case directory.UserSession:
		if name == "AssumeRole" {
			return nil
		}
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
