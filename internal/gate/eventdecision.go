package gate

import (
	"slices"

	"github.com/sallyport-iam/sallyport/arn"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/trail"
	"github.com/sallyport-iam/sallyport/policy"
)

// maxActed is how many resources the event of a call names of one action.
const maxActed = 16

// noted is what the event of a call tells of the decisions: all that is needed
// to decide them again.
type noted struct {
	asked     bool          // a decision was made
	decided   policy.Result // the last one, which is the one that counts
	explained string        // why that denied
	targets   []string      // of the operation's own action
	keys      map[string][]string
	tags      map[string]map[string]string
	also      []trail.Further
	policies  string       // names what decided
	texts     []trail.Text // of that, which the trail has not been given
}

// note keeps a decision for the call's event. What was decided against it ends
// the way.
func (c *call) note(action string, t *service.Target, in *policy.Policies, res policy.Result) {
	if c.g.opts.Trail == nil {
		return
	}
	n := &c.noted
	if !n.asked && c.caller.External == nil { // who isn't of this directory is not decided again
		n.keys = c.keys.Keys(c.untold)
		c.notePolicies(in)
	}
	n.asked, n.decided = true, res
	if action != c.action {
		n.noteFurther(action, t, c.more)
		return
	}
	if len(n.targets) < maxActed && !slices.Contains(n.targets, t.ARN) {
		n.targets, n.tags = append(n.targets, t.ARN), withTags(n.tags, t)
	}
}

func (n *noted) noteFurther(action string, t *service.Target, keys map[string]string) {
	i := slices.IndexFunc(n.also, func(f trail.Further) bool { return f.Action == action })
	if i < 0 {
		i = len(n.also)
		n.also = append(n.also, trail.Further{Action: action, Keys: keys})
	}
	if f := &n.also[i]; len(f.Targets) < maxActed && !slices.Contains(f.Targets, t.ARN) {
		f.Targets, f.Tags = append(f.Targets, t.ARN), withTags(f.Tags, t)
	}
}

func withTags(all map[string]map[string]string, t *service.Target) map[string]map[string]string {
	if len(t.Tags) == 0 {
		return all
	}
	if all == nil {
		all = map[string]map[string]string{}
	}
	all[t.ARN] = map[string]string{}
	for _, tag := range t.Tags {
		all[t.ARN][tag.Key] = tag.Value
	}
	return all
}

// told are the condition keys that an event's other fields tell, or the state of
// the directory, and those of a resource.
var told = map[string]bool{
	"aws:PrincipalArn": true, "aws:PrincipalAccount": true, "aws:userid": true, "aws:PrincipalType": true, "aws:username": true,
	"aws:PrincipalOrgID": true, "aws:PrincipalOrgPaths": true, "aws:PrincipalIsAWSService": true, "aws:ViaAWSService": true,
	"aws:RequestedRegion": true, "aws:CurrentTime": true, "aws:EpochTime": true, "aws:SourceIp": true, "aws:SecureTransport": true,
	"aws:UserAgent": true, "aws:TokenIssueTime": true, "aws:SourceIdentity": true, "aws:AssumedRoot": true,
	"aws:ResourceAccount": true, "aws:ResourceOrgID": true, "aws:ResourceOrgPaths": true,
}

// untold reports whether a condition key must stand in the event, so that the
// request can be decided again. The principal's tags must where the session has
// tags of its own.
func (c *call) untold(prefix, name string) bool {
	switch prefix {
	case "":
		if name == "aws:MultiFactorAuthPresent" { // but for a code in the request itself
			return c.caller.Session == nil || c.target.Name == "AssumeRole"
		}
		return !told[name]
	case "aws:PrincipalTag":
		return c.caller.Session != nil && len(c.caller.Session.Tags) > 0
	case "aws:ResourceTag", "iam:ResourceTag":
		return false
	}
	return true
}

// addDecision adds what was decided, and what for.
func (c *call) addDecision(own *trail.Own) {
	n := &c.noted
	own.Action, own.Targets = c.action, n.targets
	own.Keys, own.Tags, own.Also, own.Policies = n.keys, n.tags, n.also, n.policies
	if s := c.caller.Session; s != nil && (s.Policy != "" || len(s.PolicyARNs) > 0) {
		own.Session = &trail.SessionPolicies{Document: s.Policy, ARNs: s.PolicyARNs}
	}
	switch {
	case !n.asked:
		return
	case n.decided.Allowed():
		own.Decision = "Allow"
	default:
		own.Decision = "Deny"
	}
	own.Reason, own.Explanation = reason(&n.decided), n.explained
}

// assumedRoot is what the session's context says of a session of AssumeRoot.
func assumedRoot(s *directory.Session) string {
	if s.Kind == directory.RootSession {
		return "true"
	}
	return ""
}

// acted are the resources that an event of STS names as CloudTrail does: the
// roles and providers whose ARNs the request names.
func acted(into []trail.ARNResource, names []trail.Name) []trail.ARNResource {
	for _, n := range names {
		a, err := arn.Parse(n.Name)
		if err == nil && (n.Type == "AWS::IAM::Role" || n.Type == "AWS::IAM::SAMLProvider") {
			into = append(into, trail.ARNResource{ARN: n.Name, AccountID: a.Account, Type: n.Type})
		}
	}
	return into
}
