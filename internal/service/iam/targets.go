package iam

import (
	"reflect"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// members are the places, in one operation's input, of the members that name
// resources; -1 where the input has no such member.
type members struct {
	userName, groupName, roleName, profileName, policyName, policyArn int
	path, boundary, tags, tagKeys                                     int
	creates                                                           bool // what is named is yet to be made
}

func membersOf(in reflect.Type) *members {
	at := func(name string) int {
		f, ok := in.FieldByName(name)
		if !ok {
			return -1
		}
		return f.Index[0]
	}
	return &members{
		userName: at("UserName"), groupName: at("GroupName"), roleName: at("RoleName"), profileName: at("InstanceProfileName"), policyName: at("PolicyName"), policyArn: at("PolicyArn"),
		path: at("Path"), boundary: at("PermissionsBoundary"), tags: at("Tags"), tagKeys: at("TagKeys"),
		creates: strings.HasPrefix(in.Name(), "Create") && at("Path") >= 0,
	}
}

func text(in any, i int) string {
	if i < 0 {
		return ""
	}
	return reflect.ValueOf(in).Elem().Field(i).String()
}

// target resolves a resource type of the service authorization reference: one
// resolver for each type.
func (m *members) target(kind string, c *service.Caller, in any) (service.Target, error) {
	path := ""
	if m.creates {
		path = pathOf(text(in, m.path))
	}
	switch kind {
	case "user":
		name := text(in, m.userName)
		if name == "" && c.User == nil {
			return service.Target{}, errNoUser
		}
		if path != "" {
			return userTarget(c, name, path), nil
		}
		return namedUser(c, name), nil
	case "group":
		name := text(in, m.groupName)
		return said(groupTarget(c, name, path), "group", name, path), nil
	case "role":
		name := text(in, m.roleName)
		return said(roleTarget(c, name, path), "role", name, path), nil
	case "instance-profile":
		name := text(in, m.profileName)
		return said(profileTarget(c, name, path), "instance profile", name, path), nil
	case "policy":
		if path != "" {
			name := text(in, m.policyName)
			return said(service.Target{ARN: directory.PolicyARN(c.Account(), path, name)}, "policy", name, ""), nil
		}
		arn := text(in, m.policyArn)
		return said(policyTarget(c, arn), "policy", arn, ""), nil
	}
	return service.Target{ARN: "*"}, nil
}

// said gives a target the words that AWS's denials have for what a request names:
// its kind and its name, but the ARN of what is yet to be made under a path, and
// of root, which has no name.
func said(t service.Target, kind, name, path string) service.Target {
	if path == "" && name != "" {
		t.Said = kind + " " + name
	}
	return t
}

// pathOf is the path where none is given.
func pathOf(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// userTarget is the named user or, without a name, the caller. One that
// doesn't exist stands under the path given, or the root path.
func userTarget(c *service.Caller, name, path string) service.Target {
	if path == "" {
		if u, err := user(c, name); err == nil {
			return service.Target{ARN: u.ARN(), Tags: u.Tags}
		}
	}
	return service.Target{ARN: directory.UserARN(c.Account(), pathOf(path), name)}
}

// namedUser is userTarget for what a request does to a user that exists.
func namedUser(c *service.Caller, name string) service.Target {
	t := userTarget(c, name, "")
	if name == "" && c.User != nil {
		name = c.User.Name
	}
	return said(t, "user", name, "")
}

func groupTarget(c *service.Caller, name, path string) service.Target {
	if path == "" {
		if g, err := c.Snapshot.Group(c.Account(), name); err == nil {
			return service.Target{ARN: g.ARN()}
		}
	}
	return service.Target{ARN: directory.GroupARN(c.Account(), pathOf(path), name)}
}

func roleTarget(c *service.Caller, name, path string) service.Target {
	if path == "" {
		if r, err := c.Snapshot.Role(c.Account(), name); err == nil {
			return service.Target{ARN: r.ARN(), Tags: r.Tags}
		}
	}
	return service.Target{ARN: directory.RoleARN(c.Account(), pathOf(path), name)}
}

func profileTarget(c *service.Caller, name, path string) service.Target {
	if path == "" {
		if p, err := c.Snapshot.InstanceProfile(c.Account(), name); err == nil {
			return service.Target{ARN: p.ARN(), Tags: p.Tags}
		}
	}
	return service.Target{ARN: directory.InstanceProfileARN(c.Account(), pathOf(path), name)}
}

func policyTarget(c *service.Caller, arn string) service.Target {
	t := service.Target{ARN: arn}
	if p, err := c.Snapshot.Policy(c.Account(), arn); err == nil {
		t.Tags = p.Tags
	}
	return t
}

// listed makes an operation act on all entities of a kind under its path
// prefix: the reference gives list operations no resource, but AWS names one.
func listed(kind string, prefix func(in any) string) func(*service.Operation) {
	return func(o *service.Operation) {
		o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
			p := strings.TrimPrefix(prefix(in), "/")
			return []service.Target{{ARN: "arn:aws:iam::" + c.Account() + ":" + kind + "/" + p + "*"}}, nil
		}
	}
}

// key gives the condition keys of IAM that requests carry.
func (m *members) key(key string, c *service.Caller, in any) (string, bool) {
	switch key {
	case "iam:PolicyARN":
		arn := text(in, m.policyArn)
		return arn, arn != ""
	case "iam:PermissionsBoundary":
		if m.boundary >= 0 {
			arn := text(in, m.boundary)
			return arn, arn != ""
		}
		if m.roleName >= 0 {
			r, err := c.Snapshot.Role(c.Account(), text(in, m.roleName))
			if err != nil || r.Boundary == "" {
				return "", false
			}
			return r.Boundary, true
		}
		u, err := user(c, text(in, m.userName))
		if err != nil || u.Boundary == "" {
			return "", false
		}
		return u.Boundary, true
	}
	return "", false
}

func (m *members) requestTags(in any) []directory.Tag {
	tags, _ := reflect.ValueOf(in).Elem().Field(m.tags).Interface().([]api.Tag)
	return tagsIn(tags)
}

func (m *members) requestTagKeys(in any) []string {
	if m.tagKeys >= 0 {
		keys, _ := reflect.ValueOf(in).Elem().Field(m.tagKeys).Interface().([]string)
		return keys
	}
	var keys []string
	for _, t := range m.requestTags(in) {
		keys = append(keys, t.Key)
	}
	return keys
}

// alsoTagging: making something with tags needs the permission to tag it.
func alsoTagging[In any](action string, tags func(in *In) []api.Tag) func(*service.Operation) {
	return func(o *service.Operation) {
		o.Also = func(_ *service.Caller, in any) []service.Permission {
			if len(tags(in.(*In))) == 0 {
				return nil
			}
			return []service.Permission{{Action: action}}
		}
	}
}
