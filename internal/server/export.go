package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
)

// exported is the file of an account's IAM state: the shape in which the aws
// command prints GetAccountAuthorizationDetails, and under Sallyport what that
// lacks. It holds no secret.
type exported struct {
	UserDetailList  []exportedUser
	GroupDetailList []exportedGroup
	RoleDetailList  []exportedRole
	Policies        []exportedPolicy
	Sallyport       *exportedMore `json:",omitempty"`
}

type exportedMore struct {
	Version          int
	Account          string
	AccountName      string            `json:",omitempty"`
	AccountAlias     string            `json:",omitempty"`
	Quotas           map[string]int    `json:",omitempty"` // that differ from the deployment's
	AccessKeyMaxAge  int               `json:",omitempty"` // days
	Roles            []moreOfRole      `json:",omitempty"`
	PolicyTags       map[string][]tag  `json:",omitempty"` // by ARN
	InstanceProfiles []exportedProfile `json:",omitempty"`
	AccessKeys       []exportedKey     `json:",omitempty"`
	moreCredentials
}

type tag struct{ Key, Value string }

type moreOfRole struct {
	RoleName           string
	Description        string `json:",omitempty"`
	MaxSessionDuration int
}

type exportedKey struct {
	UserName, AccessKeyId, Status string
	CreateDate                    time.Time
}

type inlinePolicy struct {
	PolicyName     string
	PolicyDocument document
}

type attachedPolicy struct{ PolicyName, PolicyArn string }

type boundary struct {
	PermissionsBoundaryType string
	PermissionsBoundaryArn  string
}

type exportedUser struct {
	Path, UserName, UserId, Arn string
	CreateDate                  time.Time
	UserPolicyList              []inlinePolicy `json:",omitempty"`
	GroupList                   []string
	AttachedManagedPolicies     []attachedPolicy
	PermissionsBoundary         *boundary `json:",omitempty"`
	Tags                        []tag
}

type exportedGroup struct {
	Path, GroupName, GroupId, Arn string
	CreateDate                    time.Time
	GroupPolicyList               []inlinePolicy
	AttachedManagedPolicies       []attachedPolicy
}

type exportedRole struct {
	Path, RoleName, RoleId, Arn string
	CreateDate                  time.Time
	AssumeRolePolicyDocument    document
	InstanceProfileList         []exportedProfile
	RolePolicyList              []inlinePolicy
	AttachedManagedPolicies     []attachedPolicy
	PermissionsBoundary         *boundary `json:",omitempty"`
	Tags                        []tag
}

type exportedProfile struct {
	Path, InstanceProfileName, InstanceProfileId, Arn string
	CreateDate                                        time.Time
	Tags                                              []tag         `json:",omitempty"`
	Roles                                             []profileRole `json:",omitempty"`
}

type profileRole struct{ RoleName string }

type exportedPolicy struct {
	PolicyName, PolicyId, Arn, Path, DefaultVersionId string
	Description                                       string `json:",omitempty"`
	CreateDate, UpdateDate                            time.Time
	PolicyVersionList                                 []exportedVersion
}

type exportedVersion struct {
	Document         document
	VersionId        string
	IsDefaultVersion bool
	CreateDate       time.Time
}

// document is the text of a policy. It is written as JSON; it is read as JSON,
// as its text, or percent-encoded, as the API itself has it.
type document string

// MarshalJSON writes the document itself or, where it isn't JSON, its text.
func (d document) MarshalJSON() ([]byte, error) {
	if json.Valid([]byte(d)) {
		return []byte(d), nil
	}
	return json.Marshal(string(d))
}

// UnmarshalJSON reads any of the three forms.
func (d *document) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '"' {
		*d = document(compact(string(b)))
		return nil
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	if strings.HasPrefix(text, "%") {
		plain, err := url.PathUnescape(text)
		if err != nil {
			return fmt.Errorf("policy document: %w", err)
		}
		text = plain
	}
	*d = document(text)
	return nil
}

// compact is JSON text without white space; other text stays.
func compact(text string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return text
	}
	return b.String()
}

// same reports whether two documents differ in white space at most.
func (d document) same(text string) bool { return compact(string(d)) == compact(text) }

// Export gives an account's IAM state as a file. An empty id means the first account.
func Export(ctx context.Context, cfg Config, account string) ([]byte, error) {
	q := url.Values{"account": {account}}
	out, err := onFolder(ctx, cfg, "/export?"+q.Encode(), nil, func(d *dataFolder) (*exported, error) { return d.export(account) })
	if err != nil {
		return nil, err
	}
	return asWritten(out, "    ")
}

// asWritten is JSON in which the text of documents stands as it was written.
func asWritten(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// accountNamed is the account of that id, or the first one where it is empty.
func (d *dataFolder) accountNamed(id string) (*directory.Account, error) {
	s := d.dir.Snapshot()
	id = cmp.Or(id, s.FirstAccount())
	a, err := s.Account(id)
	if err == nil && a == nil {
		err = fmt.Errorf("there is no account %s", id)
	}
	return a, err
}

func (d *dataFolder) export(account string) (*exported, error) {
	a, err := d.accountNamed(account)
	if err != nil {
		return nil, err
	}
	e := exporter{s: d.dir.Snapshot(), account: a.ID, out: &exported{
		UserDetailList: []exportedUser{}, GroupDetailList: []exportedGroup{}, RoleDetailList: []exportedRole{}, Policies: []exportedPolicy{},
		Sallyport: &exportedMore{Version: 1, Account: a.ID, AccountName: a.Name, AccountAlias: a.Alias, Quotas: a.Quotas, AccessKeyMaxAge: a.KeyMaxAge, PolicyTags: map[string][]tag{}},
	}}
	for _, part := range []func() error{e.users, e.groups, e.roles, e.profiles, e.policies, e.passwordPolicy, e.providers, e.devices, e.serverCerts} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return e.out, nil
}

type exporter struct {
	s       *directory.Snapshot
	account string
	out     *exported
	err     error
}

func tagsOf(tags []directory.Tag) []tag {
	out := []tag{}
	for _, t := range tags {
		out = append(out, tag{t.Key, t.Value})
	}
	return out
}

func inlineOf(p *directory.Policies) []inlinePolicy {
	out := []inlinePolicy{}
	for _, i := range p.Inline {
		out = append(out, inlinePolicy{i.Name, document(i.Document)})
	}
	return out
}

func attachedOf(p *directory.Policies) []attachedPolicy {
	out := []attachedPolicy{}
	for _, arn := range p.Attached {
		out = append(out, attachedPolicy{arn[strings.LastIndexByte(arn, '/')+1:], arn})
	}
	return out
}

func boundaryOf(arn string) *boundary {
	if arn == "" {
		return nil
	}
	return &boundary{"Policy", arn}
}

func (e *exporter) users() error {
	err := e.s.Users(e.account, "", "", func(u *directory.User) bool {
		out := exportedUser{
			Path: u.Path, UserName: u.Name, UserId: u.ID, Arn: u.ARN(), CreateDate: u.Created, UserPolicyList: inlineOf(&u.Policies),
			GroupList: []string{}, AttachedManagedPolicies: attachedOf(&u.Policies), PermissionsBoundary: boundaryOf(u.Boundary), Tags: tagsOf(u.Tags),
		}
		for _, id := range u.Groups {
			var g *directory.Group
			if g, e.err = e.s.GroupByID(e.account, id); e.err != nil {
				return false
			}
			out.GroupList = append(out.GroupList, g.Name)
		}
		for _, k := range u.Keys {
			status := "Active"
			if k.Inactive {
				status = "Inactive"
			}
			e.out.Sallyport.AccessKeys = append(e.out.Sallyport.AccessKeys, exportedKey{u.Name, k.ID, status, k.Created})
		}
		e.credentials(u)
		e.out.UserDetailList = append(e.out.UserDetailList, out)
		return true
	})
	return cmp.Or(err, e.err)
}

func (e *exporter) groups() error {
	return e.s.Groups(e.account, "", "", func(g *directory.Group) bool {
		e.out.GroupDetailList = append(e.out.GroupDetailList, exportedGroup{
			Path: g.Path, GroupName: g.Name, GroupId: g.ID, Arn: g.ARN(), CreateDate: g.Created,
			GroupPolicyList: inlineOf(&g.Policies), AttachedManagedPolicies: attachedOf(&g.Policies),
		})
		return true
	})
}

func (e *exporter) roles() error {
	err := e.s.Roles(e.account, "", "", func(r *directory.Role) bool {
		out := exportedRole{
			Path: r.Path, RoleName: r.Name, RoleId: r.ID, Arn: r.ARN(), CreateDate: r.Created,
			AssumeRolePolicyDocument: document(e.s.TrustDocument(r)), InstanceProfileList: []exportedProfile{},
			RolePolicyList: inlineOf(&r.Policies), AttachedManagedPolicies: attachedOf(&r.Policies),
			PermissionsBoundary: boundaryOf(r.Boundary), Tags: tagsOf(r.Tags),
		}
		for _, id := range r.Profiles {
			var p *directory.InstanceProfile
			if p, e.err = e.s.InstanceProfileByID(e.account, id); e.err != nil {
				return false
			}
			out.InstanceProfileList = append(out.InstanceProfileList, e.profile(p))
		}
		e.out.RoleDetailList = append(e.out.RoleDetailList, out)
		e.out.Sallyport.Roles = append(e.out.Sallyport.Roles, moreOfRole{r.Name, r.Description, r.MaxSession})
		return true
	})
	return cmp.Or(err, e.err)
}

func (e *exporter) profile(p *directory.InstanceProfile) exportedProfile {
	out := exportedProfile{Path: p.Path, InstanceProfileName: p.Name, InstanceProfileId: p.ID, Arn: p.ARN(), CreateDate: p.Created, Tags: tagsOf(p.Tags)}
	if p.Role != "" {
		if r, err := e.s.RoleByID(e.account, p.Role); err == nil {
			out.Roles = []profileRole{{r.Name}}
		}
	}
	return out
}

// profiles are all instance profiles, also those that hold no role.
func (e *exporter) profiles() error {
	return e.s.InstanceProfiles(e.account, "", "", func(p *directory.InstanceProfile) bool {
		e.out.Sallyport.InstanceProfiles = append(e.out.Sallyport.InstanceProfiles, e.profile(p))
		return true
	})
}

func (e *exporter) policies() error {
	err := e.s.LocalPolicies(e.account, "", "", func(p *directory.ManagedPolicy) bool {
		out := exportedPolicy{
			PolicyName: p.Name, PolicyId: p.ID, Arn: p.ARN(), Path: p.Path, DefaultVersionId: p.Default, Description: p.Description,
			CreateDate: p.Created, UpdateDate: p.Updated,
		}
		for _, v := range slices.Backward(p.Versions) {
			var text string
			if text, e.err = e.s.PolicyDocument(p, v.ID); e.err != nil {
				return false
			}
			out.PolicyVersionList = append(out.PolicyVersionList, exportedVersion{document(text), v.ID, v.ID == p.Default, v.Created})
		}
		if len(p.Tags) > 0 {
			e.out.Sallyport.PolicyTags[p.ARN()] = tagsOf(p.Tags)
		}
		e.out.Policies = append(e.out.Policies, out)
		return true
	})
	return cmp.Or(err, e.err)
}
