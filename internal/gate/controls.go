package gate

import (
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/policy"
)

// govern finds what the organization says of the caller's account. Nobody of a
// closed account gets any further.
func (c *call) govern() error {
	c.controls = c.caller.Snapshot.Controls(c.caller.Account())
	if c.controls != nil && c.controls.Closed {
		return awsapi.AccessDenied.New("The account %s is closed.", c.caller.Account())
	}
	return nil
}

// setPrincipalOrg sets the condition keys of the caller's organization.
func (c *call) setPrincipalOrg() {
	if c.controls != nil && c.controls.Organization != "" {
		c.keys.Set("aws:PrincipalOrgID", c.controls.Organization)
		c.keys.SetValues("aws:PrincipalOrgPaths", c.controls.Path)
	}
}

// setResourceOrg sets those of the organization that a resource is in.
func (c *call) setResourceOrg(owner string) {
	if o := c.caller.Snapshot.Controls(owner); o != nil && o.Organization != "" {
		c.keys.Set("aws:ResourceOrgID", o.Organization)
		c.keys.SetValues("aws:ResourceOrgPaths", o.Path)
		c.tagged = true // the next resource starts without them
	}
}

// controlled are the services whose resources resource control policies bind
// (Organizations user guide, "Resource control policies").
var controlled = []string{
	"s3", "sts", "kms", "sqs", "secretsmanager", "cognito-idp", "cognito-identity", "logs", "dynamodb", "ecr", "aoss",
}

// scps are the service control policies that bind the caller.
func (c *call) scps() []*policy.Set {
	if c.controls == nil {
		return nil
	}
	return c.controls.SCPs
}

// rcps are the resource control policies that bind an account's resources.
func (c *call) rcps(owner string) []*policy.Set {
	return rcps(c.caller.Snapshot, awsapi.Prefix(c.sig.Service), owner)
}

// RCPs are the resource control policies that bind an account's resources for an
// action, such as s3:GetObject.
func RCPs(snap *directory.Snapshot, action, owner string) []*policy.Set {
	prefix, _, _ := strings.Cut(action, ":")
	return rcps(snap, prefix, owner)
}

func rcps(snap *directory.Snapshot, prefix, owner string) []*policy.Set {
	o := snap.Controls(owner)
	if o == nil || o.RCPs == nil || !slices.Contains(controlled, prefix) {
		return nil
	}
	return o.RCPs
}
