package server

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/policy"
)

// missing reports whether the error says that there is no such entity.
func missing(err error) bool {
	_, ok := errors.AsType[*directory.NotFound](err)
	return ok
}

func tagsFrom(tags []tag) []directory.Tag {
	var out []directory.Tag
	for _, t := range tags {
		out = append(out, directory.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

// newTags are the tags that aren't there yet as they are wanted.
func newTags(have []directory.Tag, want []tag) []directory.Tag {
	return slices.DeleteFunc(tagsFrom(want), func(t directory.Tag) bool { return slices.Contains(have, t) })
}

// hang hangs policies on a user, group or role; what hangs there besides stays.
func hang(tx *directory.Tx, on directory.Holder, have *directory.Policies, inline []inlinePolicy, attached []attachedPolicy) error {
	for _, p := range inline {
		if now, ok := have.InlinePolicy(p.PolicyName); ok && p.PolicyDocument.same(now.Document) {
			continue
		}
		if err := tx.PutInline(on, p.PolicyName, string(p.PolicyDocument)); err != nil {
			return err
		}
	}
	for _, p := range attached {
		if slices.Contains(have.Attached, p.PolicyArn) {
			continue
		}
		if err := tx.Attach(on, p.PolicyArn); err != nil {
			return err
		}
	}
	return nil
}

// bound gives a user or role the boundary of the file.
func bound(tx *directory.Tx, of directory.Bounded, have string, want *boundary) error {
	if want == nil || have == want.PermissionsBoundaryArn {
		return nil
	}
	return tx.SetBoundary(of, want.PermissionsBoundaryArn)
}

func group(tx *directory.Tx, in *exportedGroup) (existed bool, err error) {
	g, err := tx.Group(in.GroupName)
	if existed = err == nil; missing(err) {
		g, err = tx.CreateGroup(in.GroupName, pathOf(in.Path))
	}
	if err != nil {
		return existed, err
	}
	if g.Path != pathOf(in.Path) {
		if err := tx.RenameGroup(g, "", pathOf(in.Path)); err != nil {
			return existed, err
		}
	}
	return existed, hang(tx, g, &g.Policies, in.GroupPolicyList, in.AttachedManagedPolicies)
}

func user(tx *directory.Tx, in *exportedUser) (existed bool, err error) {
	u, err := tx.User(in.UserName)
	if existed = err == nil; missing(err) {
		u, err = tx.CreateUser(in.UserName, pathOf(in.Path), "", tagsFrom(in.Tags))
	}
	if err != nil {
		return existed, err
	}
	if u.Path != pathOf(in.Path) {
		if err := tx.Rename(u, "", pathOf(in.Path)); err != nil {
			return existed, err
		}
	}
	if tags := newTags(u.Tags, in.Tags); len(tags) > 0 {
		if err := tx.TagUser(u, tags); err != nil {
			return existed, err
		}
	}
	for _, name := range in.GroupList {
		g, err := tx.Group(name)
		if err != nil {
			return existed, err
		}
		if err := tx.Join(u, g); err != nil {
			return existed, err
		}
	}
	if err := hang(tx, u, &u.Policies, in.UserPolicyList, in.AttachedManagedPolicies); err != nil {
		return existed, err
	}
	return existed, bound(tx, u, u.Boundary, in.PermissionsBoundary)
}

// moreOf is what the file says besides of a role.
func (i *importer) moreOf(role string) moreOfRole {
	if i.in.Sallyport != nil {
		for _, m := range i.in.Sallyport.Roles {
			if m.RoleName == role {
				return m
			}
		}
	}
	return moreOfRole{MaxSessionDuration: directory.DefaultMaxSession}
}

func (i *importer) role(tx *directory.Tx, in *exportedRole) (existed bool, err error) {
	trust, err := policy.Parse(string(in.AssumeRolePolicyDocument), policy.Trust)
	if err != nil {
		return false, err
	}
	more := i.moreOf(in.RoleName)
	r, err := tx.Role(in.RoleName)
	if existed = err == nil; missing(err) {
		r, err = tx.CreateRole(directory.NewRole{
			Name: in.RoleName, Path: pathOf(in.Path), Description: more.Description, Trust: trust,
			MaxSession: more.MaxSessionDuration, Tags: tagsFrom(in.Tags),
		})
	}
	if err != nil {
		return existed, err
	}
	if r.Path != pathOf(in.Path) {
		return existed, errors.New("it exists with another path, " + r.Path)
	}
	if existed && !in.AssumeRolePolicyDocument.same(tx.Snapshot().TrustDocument(r)) {
		if err := tx.SetTrust(r, trust); err != nil {
			return existed, err
		}
	}
	if tags := newTags(r.Tags, in.Tags); len(tags) > 0 {
		if err := tx.TagRole(r, tags); err != nil {
			return existed, err
		}
	}
	if err := hang(tx, r, &r.Policies, in.RolePolicyList, in.AttachedManagedPolicies); err != nil {
		return existed, err
	}
	return existed, bound(tx, r, r.Boundary, in.PermissionsBoundary)
}

func (i *importer) profile(tx *directory.Tx, in *exportedProfile) (existed bool, err error) {
	p, err := tx.InstanceProfile(in.InstanceProfileName)
	if existed = err == nil; missing(err) {
		p, err = tx.CreateInstanceProfile(in.InstanceProfileName, pathOf(in.Path), tagsFrom(in.Tags))
	}
	if err != nil || len(in.Roles) == 0 {
		return existed, err
	}
	r, err := tx.Role(in.Roles[0].RoleName)
	if missing(err) {
		return existed, nil // it was skipped
	}
	if err != nil || p.Role == r.ID {
		return existed, err
	}
	return existed, tx.AddRole(p, r)
}

// policy makes a managed policy with the versions of the file, oldest first. Of
// one that exists only the default version is brought to what the file has.
func (i *importer) policy(tx *directory.Tx, in *exportedPolicy) (existed bool, err error) {
	arn := directory.PolicyARN(i.account, pathOf(in.Path), in.PolicyName)
	p, err := tx.Policy(arn)
	if existed = err == nil; existed {
		return true, i.renew(tx, p, in)
	}
	if !missing(err) {
		return false, err
	}
	versions := slices.Clone(in.PolicyVersionList)
	slices.SortStableFunc(versions, func(a, b exportedVersion) int { return cmp.Compare(a.number(), b.number()) })
	var tags []tag
	if i.in.Sallyport != nil {
		tags = i.in.Sallyport.PolicyTags[in.Arn]
	}
	p, err = tx.CreatePolicy(in.PolicyName, pathOf(in.Path), in.Description, string(versions[0].Document), tagsFrom(tags))
	if err != nil {
		return false, err
	}
	for _, v := range versions[1:] {
		if _, err := tx.AddPolicyVersion(p, string(v.Document), v.inForce(in)); err != nil {
			return false, err
		}
	}
	return false, nil
}

// number is that of a version's id, by which versions were made one after another.
func (v *exportedVersion) number() int {
	n, _ := strconv.Atoi(strings.TrimPrefix(v.VersionId, "v")) // what isn't one stands first
	return n
}

func (v *exportedVersion) inForce(p *exportedPolicy) bool {
	return v.IsDefaultVersion || v.VersionId == p.DefaultVersionId
}

// renew gives a policy that exists the default document of the file.
func (i *importer) renew(tx *directory.Tx, p *directory.ManagedPolicy, in *exportedPolicy) error {
	at := slices.IndexFunc(in.PolicyVersionList, func(v exportedVersion) bool { return v.inForce(in) })
	if at < 0 {
		return errors.New("no version is the default")
	}
	want := in.PolicyVersionList[at].Document
	have, err := tx.Snapshot().PolicyDocument(p, p.Default)
	if err != nil || want.same(have) {
		return err
	}
	_, err = tx.AddPolicyVersion(p, string(want), true)
	return err
}
