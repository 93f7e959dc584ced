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

// hang hangs policies on a user, group or role, which what names; what hangs
// there besides stays. AWS's policies that aren't known here are left out.
func (i *importer) hang(tx *directory.Tx, what string, on directory.Holder, have *directory.Policies, inline []inlinePolicy, attached []attachedPolicy) error {
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
		if isAWS(p.PolicyArn) && !i.known(p.PolicyArn) {
			i.skip("policy " + p.PolicyArn + " of " + what + ": AWS's policy is not known here")
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

// known reports whether a managed policy is there.
func (i *importer) known(arn string) bool {
	_, err := i.dir.Snapshot().Policy(i.account, arn)
	return err == nil
}

// unbounded refuses what would be without the boundary that it had: it may do
// more here than there.
func (i *importer) unbounded(b *boundary) error {
	if b == nil || !isAWS(b.PermissionsBoundaryArn) || i.known(b.PermissionsBoundaryArn) {
		return nil
	}
	return &leftOut{"its permissions boundary " + b.PermissionsBoundaryArn + " is not known here"}
}

// leftOut: an entity can't be imported, but the rest can.
type leftOut struct{ why string }

func (e *leftOut) Error() string { return e.why }

func (i *importer) group(tx *directory.Tx, in *exportedGroup) (existed bool, err error) {
	g, err := tx.Group(in.GroupName)
	if existed = err == nil; missing(err) {
		tx.Like(directory.Original{ID: in.GroupId, Created: in.CreateDate})
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
	return existed, i.hang(tx, "group "+g.Name, g, &g.Policies, in.GroupPolicyList, in.AttachedManagedPolicies)
}

func (i *importer) user(tx *directory.Tx, in *exportedUser) (existed bool, err error) {
	if err := i.unbounded(in.PermissionsBoundary); err != nil {
		return false, err
	}
	u, err := tx.User(in.UserName)
	if existed = err == nil; missing(err) {
		tx.Like(directory.Original{ID: in.UserId, Created: in.CreateDate})
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
	if err := i.hang(tx, "user "+u.Name, u, &u.Policies, in.UserPolicyList, in.AttachedManagedPolicies); err != nil {
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
	if err := i.unbounded(in.PermissionsBoundary); err != nil {
		return false, err
	}
	tx.Restore()
	more := i.moreOf(in.RoleName)
	r, err := tx.Role(in.RoleName)
	if existed = err == nil; missing(err) {
		tx.Like(directory.Original{ID: in.RoleId, Created: in.CreateDate})
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
	if err := i.hang(tx, "role "+r.Name, r, &r.Policies, in.RolePolicyList, in.AttachedManagedPolicies); err != nil {
		return existed, err
	}
	return existed, bound(tx, r, r.Boundary, in.PermissionsBoundary)
}

func (i *importer) profile(tx *directory.Tx, in *exportedProfile) (existed bool, err error) {
	p, err := tx.InstanceProfile(in.InstanceProfileName)
	if existed = err == nil; missing(err) {
		tx.Like(directory.Original{ID: in.InstanceProfileId, Created: in.CreateDate})
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
	o := directory.OriginalPolicy{
		Original: directory.Original{ID: in.PolicyId, Created: in.CreateDate},
		Name:     in.PolicyName, Path: pathOf(in.Path), Description: in.Description, Updated: in.UpdateDate,
	}
	if i.in.Sallyport != nil {
		o.Tags = tagsFrom(i.in.Sallyport.PolicyTags[in.Arn])
	}
	for _, v := range versions {
		if v.inForce(in) {
			o.Default = v.VersionId
		}
		o.Versions = append(o.Versions, directory.OriginalVersion{ID: v.VersionId, Document: string(v.Document), Created: v.CreateDate})
	}
	_, err = tx.RestorePolicy(o)
	return false, err
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
