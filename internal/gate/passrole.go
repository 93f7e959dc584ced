package gate

import (
	"maps"
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/arn"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/wire"
)

// passedRoles are the permissions to pass the roles that a request hands to
// another service: AWS asks iam:PassRole of whoever lets a service act as a
// role. What is handed over is every role in a request that writes, and the
// role of every instance profile of EC2's.
func (c *call) passedRoles() []service.Permission {
	doc, ok := c.in.(*wire.Document)
	if !ok || c.target.Operation == nil || c.target.Operation.Action == nil || c.sig.Service == "sts" {
		return nil
	}
	if !strings.Contains(c.target.Operation.Action.Access, "Write") || strings.HasPrefix(c.target.Name, "CreateLaunchTemplate") {
		return nil
	}
	to := map[string]string{"iam:PassedToService": c.sig.Service + ".amazonaws.com"}
	var more []service.Permission
	add := func(role service.Target) {
		if len(more) < maxResources {
			more = append(more, service.Permission{Action: "iam:PassRole", Targets: []service.Target{role}, Keys: to})
		}
	}
	c.rolesIn("", *doc, add)
	return more
}

// rolesIn finds the roles in a member of a request.
func (c *call) rolesIn(name string, v any, add func(service.Target)) {
	switch v := v.(type) {
	case string:
		if a, err := arn.Parse(v); namesRole(name) && err == nil && a.Service == "iam" && strings.HasPrefix(a.Resource, "role/") {
			add(c.roleTarget(v))
		}
	case []any:
		for _, item := range v {
			c.rolesIn(name, item, add)
		}
	case map[string]any:
		if name == "IamInstanceProfile" {
			c.profileRole(v, add)
			return
		}
		for _, member := range slices.Sorted(maps.Keys(v)) {
			c.rolesIn(member, v[member], add)
		}
	}
}

// namesRole reports whether a member of that name hands a role over, rather
// than naming one for another purpose, such as a principal to grant something to.
func namesRole(member string) bool {
	return strings.Contains(strings.ToLower(member), "role") || member == "DeliverLogsPermissionArn"
}

// roleTarget is the role of an ARN with its tags.
func (c *call) roleTarget(role string) service.Target {
	t := service.Target{ARN: role}
	if r, err := c.caller.Snapshot.RoleByARN(role); err == nil {
		t.Owner, t.Tags = r.Account(), r.Tags
	}
	return t
}

// profileRole finds the role of an instance profile that a request of EC2
// names by Name or Arn. One that doesn't exist or is empty hands nothing over.
func (c *call) profileRole(v map[string]any, add func(service.Target)) {
	name, _ := v["Name"].(string)
	if text, ok := v["Arn"].(string); ok && name == "" {
		name = text[strings.LastIndexByte(text, '/')+1:]
	}
	p, err := c.caller.Snapshot.InstanceProfile(c.caller.Account(), name)
	if err != nil || p.Role == "" {
		return
	}
	if r, err := c.caller.Snapshot.RoleByID(c.caller.Account(), p.Role); err == nil {
		add(service.Target{ARN: r.ARN(), Tags: r.Tags})
	}
}
