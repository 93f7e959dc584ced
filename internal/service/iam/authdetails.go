package iam

import (
	"context"
	"slices"
	"sort"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) authorizationOperations() []service.Operation {
	return []service.Operation{op("GetAccountAuthorizationDetails", s.GetAccountAuthorizationDetails)}
}

// The values of GetAccountAuthorizationDetails' Filter.
const (
	filterUser  = "User"
	filterRole  = "Role"
	filterGroup = "Group"
	filterLocal = "LocalManagedPolicy"
	filterAWS   = "AWSManagedPolicy"
)

// GetAccountAuthorizationDetails tells all users, groups, roles and policies, with
// what hangs on them: users first, then groups, roles, the account's policies and
// those of AWS's: all where the filter asks for them, else those that the account
// uses. Only a page is held in memory, and a page of large documents is a short one.
func (s *Service) GetAccountAuthorizationDetails(_ context.Context, c *service.Caller, in *api.GetAccountAuthorizationDetailsRequest) (*api.GetAccountAuthorizationDetailsResponse, error) {
	p, err := newPage[any]("GetAccountAuthorizationDetails", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	d := detailer{c: c, page: p, account: c.Account(), unused: slices.Contains(in.Filter, filterAWS)}
	for i, section := range []struct {
		filter string
		list   func(after string) error
	}{
		{filterUser, d.users}, {filterGroup, d.groups}, {filterRole, d.roles}, {filterLocal, d.local}, {filterAWS, d.aws},
	} {
		d.mark = string(rune('1'+i)) + ":"
		after, inside := strings.CutPrefix(p.after, d.mark)
		switch {
		case p.more, len(in.Filter) > 0 && !slices.Contains(in.Filter, section.filter), !inside && p.after > d.mark:
			continue
		case !inside:
			after = ""
		}
		if err := section.list(after); err != nil {
			return nil, err
		}
		if d.err != nil {
			return nil, awsError(d.err)
		}
	}
	out := &api.GetAccountAuthorizationDetailsResponse{
		UserDetailList: []api.UserDetail{}, GroupDetailList: []api.GroupDetail{}, RoleDetailList: []api.RoleDetail{},
		Policies: []api.ManagedPolicyDetail{}, IsTruncated: &p.more, Marker: p.marker(),
	}
	for _, item := range p.items {
		switch item := item.(type) {
		case api.UserDetail:
			out.UserDetailList = append(out.UserDetailList, item)
		case api.GroupDetail:
			out.GroupDetailList = append(out.GroupDetailList, item)
		case api.RoleDetail:
			out.RoleDetailList = append(out.RoleDetailList, item)
		case api.ManagedPolicyDetail:
			out.Policies = append(out.Policies, item)
		}
	}
	return out, nil
}

// detailer puts details onto a page.
type detailer struct {
	c       *service.Caller
	page    *page[any]
	account string
	unused  bool   // with policies of AWS's that the account doesn't use
	mark    string // of the section, in markers
	size    int    // of the documents on the page, in bytes
	err     error
}

// add adds an item to the page, or keeps the error.
func (d *detailer) add(name string, item any, err error) bool {
	if d.err = err; err != nil {
		return false
	}
	return d.page.add(d.mark+name, item)
}

// largestDetails is how many bytes of documents a page holds, give or take those
// of its last item.
const largestDetails = 2 << 20

// document is a document on the page.
func (d *detailer) document(text string) string {
	d.size += len(text)
	return documentOut(text)
}

// full reports whether the page has no room, so that no more need be described.
func (d *detailer) full() bool {
	if d.size > largestDetails {
		d.page.max = min(d.page.max, len(d.page.items))
	}
	return len(d.page.items) == d.page.max
}

func (d *detailer) inline(p *directory.Policies) []api.PolicyDetail {
	var out []api.PolicyDetail
	for _, i := range p.Inline {
		out = append(out, api.PolicyDetail{PolicyName: i.Name, PolicyDocument: d.document(i.Document)})
	}
	return out
}

func attachedDetails(p *directory.Policies) []api.AttachedPolicy {
	out := []api.AttachedPolicy{}
	for _, arn := range p.Attached {
		out = append(out, api.AttachedPolicy{PolicyName: arn[strings.LastIndexByte(arn, '/')+1:], PolicyArn: arn})
	}
	return out
}

func (d *detailer) users(after string) error {
	return d.c.Snapshot.Users(d.account, "", after, func(u *directory.User) bool {
		if d.full() {
			return d.add(u.Name, nil, nil)
		}
		out := api.UserDetail{
			Path: u.Path, UserName: u.Name, UserId: u.ID, Arn: u.ARN(), CreateDate: u.Created, UserPolicyList: d.inline(&u.Policies),
			GroupList: []string{}, AttachedManagedPolicies: attachedDetails(&u.Policies), PermissionsBoundary: boundaryOut(u.Boundary), Tags: tagsOut(u.Tags),
		}
		for _, id := range u.Groups {
			g, err := d.c.Snapshot.GroupByID(d.account, id)
			if err != nil {
				return d.add(u.Name, nil, err)
			}
			out.GroupList = append(out.GroupList, g.Name)
		}
		return d.add(u.Name, out, nil)
	})
}

func (d *detailer) groups(after string) error {
	return d.c.Snapshot.Groups(d.account, "", after, func(g *directory.Group) bool {
		if d.full() {
			return d.add(g.Name, nil, nil)
		}
		out := api.GroupDetail{
			Path: g.Path, GroupName: g.Name, GroupId: g.ID, Arn: g.ARN(), CreateDate: g.Created,
			GroupPolicyList: d.inline(&g.Policies), AttachedManagedPolicies: attachedDetails(&g.Policies),
		}
		if out.GroupPolicyList == nil {
			out.GroupPolicyList = []api.PolicyDetail{}
		}
		return d.add(g.Name, out, nil)
	})
}

func (d *detailer) roles(after string) error {
	return d.c.Snapshot.Roles(d.account, "", after, func(r *directory.Role) bool {
		if d.full() {
			return d.add(r.Name, nil, nil)
		}
		out, err := d.role(r)
		return d.add(r.Name, out, err)
	})
}

func (d *detailer) role(r *directory.Role) (api.RoleDetail, error) {
	s := d.c.Snapshot
	out := api.RoleDetail{
		Path: r.Path, RoleName: r.Name, RoleId: r.ID, Arn: r.ARN(), CreateDate: r.Created,
		AssumeRolePolicyDocument: d.document(s.TrustDocument(r)), InstanceProfileList: []api.InstanceProfile{},
		RolePolicyList: d.inline(&r.Policies), AttachedManagedPolicies: attachedDetails(&r.Policies),
		PermissionsBoundary: boundaryOut(r.Boundary), Tags: tagsOut(r.Tags),
	}
	if out.RolePolicyList == nil {
		out.RolePolicyList = []api.PolicyDetail{}
	}
	for _, id := range r.Profiles {
		p, err := s.InstanceProfileByID(d.account, id)
		if err != nil {
			return out, err
		}
		profile, err := profileOut(s, d.account, p)
		if err != nil {
			return out, err
		}
		out.InstanceProfileList = append(out.InstanceProfileList, profile)
	}
	used, err := roleLastUsed(d.c, r)
	out.RoleLastUsed = used
	return out, err
}

func (d *detailer) local(after string) error {
	return d.c.Snapshot.LocalPolicies(d.account, "", after, func(p *directory.ManagedPolicy) bool {
		if d.full() {
			return d.add(p.Name, nil, nil)
		}
		out, err := d.policy(p)
		return d.add(p.Name, out, err)
	})
}

func (d *detailer) aws(after string) error {
	all := d.c.Snapshot.AWSPolicies()
	from := sort.Search(len(all), func(i int) bool { return all[i].Name > after })
	for _, p := range all[from:] {
		if !d.unused {
			attached, boundaries, err := d.c.Snapshot.PolicyUse(d.account, p)
			if err != nil {
				return err
			}
			if attached+boundaries == 0 {
				continue
			}
		}
		if d.full() {
			d.add(p.Name, nil, nil)
			break
		}
		out, err := d.policy(p)
		if !d.add(p.Name, out, err) {
			break
		}
	}
	return nil
}

func (d *detailer) policy(p *directory.ManagedPolicy) (api.ManagedPolicyDetail, error) {
	attached, boundaries, err := d.c.Snapshot.PolicyUse(d.account, p)
	if err != nil {
		return api.ManagedPolicyDetail{}, err
	}
	out := api.ManagedPolicyDetail{
		PolicyName: p.Name, PolicyId: p.ID, Arn: p.ARN(), Path: p.Path, DefaultVersionId: p.Default,
		AttachmentCount: ptr(int32(attached)), PermissionsBoundaryUsageCount: ptr(int32(boundaries)), IsAttachable: ptr(true),
		Description: p.Description, CreateDate: p.Created, UpdateDate: p.Updated,
	}
	for _, v := range slices.Backward(p.Versions) { // newest first
		text, err := d.c.Snapshot.PolicyDocument(p, v.ID)
		if err != nil {
			return out, err
		}
		version := versionOut(p, v)
		version.Document = d.document(text)
		out.PolicyVersionList = append(out.PolicyVersionList, version)
	}
	return out, nil
}
