package organizations

import (
	"context"
	"reflect"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/organizations"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// named are the members of requests that name a resource.
var named = []string{
	"AccountId", "OrganizationalUnitId", "PolicyId", "TargetId", "ParentId", "ChildId", "SourceParentId",
	"DestinationParentId", "RootId", "ResourceId", "HandshakeId",
}

// op makes an operation that acts on whatever its input names: ids tell by
// themselves what they are of.
func op[In, Out any](name string, f func(ctx context.Context, c *service.Caller, in *In) (*Out, error)) service.Operation {
	o := service.Op(name, f)
	o.Invalid = invalidInput
	o.Targets = targets
	o.Key = conditionKey
	if _, ok := reflect.TypeFor[In]().FieldByName("Tags"); ok {
		o.Tags = requestTags
		o.TagKeys = func(in any) (keys []string) {
			for _, t := range requestTags(in) {
				keys = append(keys, t.Key)
			}
			return keys
		}
	}
	if _, ok := reflect.TypeFor[In]().FieldByName("TagKeys"); ok {
		o.TagKeys = func(in any) []string {
			keys, _ := reflect.ValueOf(in).Elem().FieldByName("TagKeys").Interface().([]string)
			return keys
		}
	}
	return o
}

func member(in any, name string) string {
	f := reflect.ValueOf(in).Elem().FieldByName(name)
	if !f.IsValid() || f.Kind() != reflect.String {
		return ""
	}
	return f.String()
}

// targets are the resources that a request names. Where there is no
// organization, only policies about all resources can allow it.
func targets(c *service.Caller, in any) ([]service.Target, error) {
	o, err := c.Snapshot.Organization(c.Account())
	if err != nil {
		return nil, err
	}
	var all []service.Target
	for _, name := range named {
		if id := member(in, name); id != "" && o != nil {
			all = append(all, target(c.Snapshot, o, id))
		}
	}
	switch in := in.(type) {
	case *api.CreatePolicyRequest:
		if o != nil {
			all = append(all, service.Target{ARN: o.PolicyARN(in.Type, "p-*")})
		}
	case *api.InviteAccountToOrganizationRequest:
		if o != nil && in.Target.Type == "ACCOUNT" {
			all = append(all, service.Target{ARN: o.NodeARN(in.Target.Id)})
		}
	}
	if len(all) == 0 {
		return []service.Target{{ARN: "*"}}, nil
	}
	return all, nil
}

// target is the resource of an id.
func target(s *directory.Snapshot, o *directory.Organization, id string) service.Target {
	switch {
	case strings.HasPrefix(id, "h-"):
		return service.Target{ARN: o.HandshakeARN(id)}
	case strings.HasPrefix(id, "p-"):
		p, err := s.OrgPolicy(o, id)
		if err != nil {
			return service.Target{ARN: o.PolicyARN("*", id)}
		}
		return service.Target{ARN: o.PolicyARN(p.Type, id), Tags: p.Tags}
	}
	t := service.Target{ARN: o.NodeARN(id)}
	if n, err := s.OrgNode(o, id); err == nil {
		t.Tags = n.Tags
	}
	return t
}

// conditionKey gives the service's own condition keys.
func conditionKey(key string, c *service.Caller, in any) (string, bool) {
	switch key {
	case "organizations:ServicePrincipal":
		v := member(in, "ServicePrincipal")
		return v, v != ""
	case "organizations:PolicyType":
		for _, name := range []string{"PolicyType", "Type", "Filter"} {
			if v := member(in, name); v != "" {
				return v, true
			}
		}
		o, err := c.Snapshot.Organization(c.Account())
		if err != nil || o == nil {
			return "", false
		}
		for _, name := range []string{"PolicyId", "ResourceId"} {
			if p, err := c.Snapshot.OrgPolicy(o, member(in, name)); err == nil {
				return p.Type, true
			}
		}
	}
	return "", false
}

func requestTags(in any) []directory.Tag {
	tags, _ := reflect.ValueOf(in).Elem().FieldByName("Tags").Interface().([]api.Tag)
	return tagsIn(tags)
}

func tagsIn(tags []api.Tag) []directory.Tag {
	var in []directory.Tag
	for _, t := range tags {
		in = append(in, directory.Tag{Key: t.Key, Value: t.Value})
	}
	return in
}

func tagsOut(tags []directory.Tag) []api.Tag {
	out := make([]api.Tag, len(tags))
	for i, t := range tags {
		out[i] = api.Tag{Key: t.Key, Value: t.Value}
	}
	return out
}
