package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
	"github.com/sallyport-iam/sallyport/policy"
)

// maxImport bounds the size of a file that is imported, in bytes.
const maxImport = 256 << 20

// ImportConfig says what to import, and where to.
type ImportConfig struct {
	Account string // empty means the first account
	DryRun  bool   // tell what would be done, and do nothing
}

// Imported tells what was imported, or would be. Entities are named as in
// "user alice".
type Imported struct {
	Account   string
	From      string   `json:",omitempty"` // the account of the file, where it is another one
	Created   []string `json:",omitempty"`
	Changed   []string `json:",omitempty"`
	Unchanged int
	Skipped   []string `json:",omitempty"` // each with the reason
	// Problems are why nothing was imported.
	Problems []string `json:",omitempty"`
}

// Import puts the users, groups, roles and policies of a file into an account:
// a file of Export's, or what the aws command printed of
// GetAccountAuthorizationDetails. It is tried on a copy first; where anything
// but trust in principals that don't exist is wrong, nothing is imported. One
// that was cut short is gone on with by running it again: what is there already
// as the file has it stays untouched.
func Import(ctx context.Context, cfg Config, file []byte, ic ImportConfig) (Imported, error) {
	q := url.Values{"account": {ic.Account}, "dry-run": {fmt.Sprint(ic.DryRun)}}
	return onFolder(ctx, cfg, "/import?"+q.Encode(), file, func(d *dataFolder) (Imported, error) {
		return d.importFile(ctx, cfg, file, ic)
	})
}

// transferControl are the commands that export and import.
func (s *Server) transferControl(mux *http.ServeMux) {
	mux.Handle("POST /export", answerControl(s, "exporting an account", func(r *http.Request) (*exported, error) {
		return s.data.export(r.URL.Query().Get("account"))
	}))
	mux.Handle("POST /import", answerControl(s, "importing into an account", func(r *http.Request) (Imported, error) {
		file, err := limited(r.Body, maxImport)
		if err != nil {
			return Imported{}, err
		}
		q := r.URL.Query()
		return s.data.importFile(context.WithoutCancel(r.Context()), s.cfg, file, ImportConfig{Account: q.Get("account"), DryRun: q.Get("dry-run") == "true"})
	}))
	mux.Handle("POST /import-keys", answerControl(s, "importing access keys", func(r *http.Request) (Imported, error) {
		file, err := limited(r.Body, maxImport)
		if err != nil {
			return Imported{}, err
		}
		return s.data.importKeys(context.WithoutCancel(r.Context()), r.URL.Query().Get("account"), file)
	}))
}

// readExported reads a file, with the ids of its account replaced by ours.
func readExported(file []byte, account string) (in *exported, from string, err error) {
	in = new(exported)
	if err := json.Unmarshal(file, in); err != nil {
		return nil, "", fmt.Errorf("the file is not what sallyport export or aws iam get-account-authorization-details print: %w", err)
	}
	if len(in.UserDetailList)+len(in.GroupDetailList)+len(in.RoleDetailList)+len(in.Policies) == 0 && in.Sallyport == nil {
		return nil, "", errors.New("the file names no user, group, role or policy")
	}
	from = in.account()
	if from == "" || from == account {
		return in, "", nil
	}
	// Ids of accounts stand apart from other digits, in ARNs and as principals.
	// In the text of the whole file, so that no document is forgotten; documents
	// that are percent-encoded have been read by now.
	text, err := asWritten(in, "")
	if err != nil {
		return nil, "", err
	}
	text = regexp.MustCompile(`\b`+from+`\b`).ReplaceAll(text, []byte(account))
	in = new(exported)
	return in, from, json.Unmarshal(text, in)
}

// account is the account that the file is from, or "".
func (e *exported) account() string {
	if e.Sallyport != nil && e.Sallyport.Account != "" {
		return e.Sallyport.Account
	}
	var arns []string
	for _, u := range e.UserDetailList {
		arns = append(arns, u.Arn)
	}
	for _, r := range e.RoleDetailList {
		arns = append(arns, r.Arn)
	}
	for _, g := range e.GroupDetailList {
		arns = append(arns, g.Arn)
	}
	for _, p := range e.Policies {
		arns = append(arns, p.Arn)
	}
	for _, arn := range arns {
		if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && accountID.MatchString(parts[4]) {
			return parts[4]
		}
	}
	return ""
}

func (d *dataFolder) importFile(ctx context.Context, cfg Config, file []byte, ic ImportConfig) (Imported, error) {
	a, err := d.accountNamed(ic.Account)
	if err != nil {
		return Imported{}, err
	}
	in, from, err := readExported(file, a.ID)
	if err != nil {
		return Imported{}, err
	}
	if problems := in.problems(); len(problems) > 0 {
		return Imported{Account: a.ID, From: from, Problems: problems}, nil
	}
	tried, err := d.tryImport(ctx, cfg, in, a.ID)
	tried.From = from
	if err != nil || ic.DryRun || len(tried.Problems) > 0 {
		return tried, err
	}
	i := importer{dir: d.dir, account: a.ID, in: in, done: Imported{Account: a.ID, From: from}}
	i.run(ctx)
	cfg.Log.Info("imported", "account", a.ID, "created", len(i.done.Created), "changed", len(i.done.Changed))
	return i.done, nil
}

// tryImport imports into a copy that is in memory only.
func (d *dataFolder) tryImport(ctx context.Context, cfg Config, in *exported, account string) (Imported, error) {
	st := mem.New(mem.Options{})
	defer st.Close()
	var ops []store.Op
	if _, err := d.store.Scan(ctx, "", 0, func(r store.Record) error {
		ops = append(ops, store.Op{Key: r.Key, Value: slices.Clone(r.Value)})
		return nil
	}); err != nil {
		return Imported{}, err
	}
	for batch := range slices.Chunk(ops, store.MaxOps/4) { // a record may be large
		if _, err := st.Commit(ctx, store.Txn{Do: batch}); err != nil {
			return Imported{}, fmt.Errorf("copy the records: %w", err)
		}
	}
	d.master.mu.RLock()
	key := d.master.key
	d.master.mu.RUnlock()
	dir, err := directory.Open(ctx, st, directory.Options{
		Master: key, AWSPolicies: awsPolicies{}, Now: cfg.Now, Rand: cfg.Rand, Log: cfg.Log, Quotas: cfg.Quotas,
	})
	if err != nil {
		return Imported{}, fmt.Errorf("open the copy: %w", err)
	}
	i := importer{dir: dir, account: account, in: in, done: Imported{Account: account}}
	i.run(ctx)
	return i.done, dir.Close(ctx)
}

// problems are what is wrong with a file by itself.
func (e *exported) problems() []string {
	var all []string
	check := func(what, name string, d document, kind policy.Kind) {
		if _, err := policy.Parse(string(d), kind); err != nil {
			all = append(all, fmt.Sprintf("%s: policy %s: %v", what, name, err))
		}
	}
	inline := func(what string, list []inlinePolicy) {
		for _, p := range list {
			check(what, p.PolicyName, p.PolicyDocument, policy.Inline)
		}
	}
	for _, u := range e.UserDetailList {
		inline("user "+u.UserName, u.UserPolicyList)
	}
	for _, g := range e.GroupDetailList {
		inline("group "+g.GroupName, g.GroupPolicyList)
	}
	for _, r := range e.RoleDetailList {
		inline("role "+r.RoleName, r.RolePolicyList)
		check("role "+r.RoleName, "of trust", r.AssumeRolePolicyDocument, policy.Trust)
	}
	for _, p := range e.Policies {
		if isAWS(p.Arn) {
			continue
		}
		for _, v := range p.PolicyVersionList {
			check("policy "+p.PolicyName, v.VersionId, v.Document, policy.Managed)
		}
		if len(p.PolicyVersionList) == 0 {
			all = append(all, "policy "+p.PolicyName+": has no version")
		}
	}
	return all
}

func isAWS(arn string) bool { return strings.HasPrefix(arn, "arn:aws:iam::aws:") }

// importer puts a file's entities into an account, each in one transaction.
type importer struct {
	dir     *directory.Directory
	account string
	in      *exported
	done    Imported
}

func (i *importer) run(ctx context.Context) {
	if m := i.in.Sallyport; m != nil {
		i.settings(ctx, m)
	}
	for _, p := range i.in.Policies {
		if !isAWS(p.Arn) {
			i.entity(ctx, "policy "+p.PolicyName, func(tx *directory.Tx) (bool, error) { return i.policy(tx, &p) })
		}
	}
	for _, g := range i.in.GroupDetailList {
		i.entity(ctx, "group "+g.GroupName, func(tx *directory.Tx) (bool, error) { return i.group(tx, &g) })
	}
	for _, u := range i.in.UserDetailList {
		i.entity(ctx, "user "+u.UserName, func(tx *directory.Tx) (bool, error) { return i.user(tx, &u) })
	}
	if m := i.in.Sallyport; m != nil {
		i.credentials(ctx, &m.moreCredentials)
	}
	i.roles(ctx)
	for _, p := range i.profiles() {
		i.entity(ctx, "instance profile "+p.InstanceProfileName, func(tx *directory.Tx) (bool, error) { return i.profile(tx, &p) })
	}
	if m := i.in.Sallyport; m != nil && m.AccountAlias != "" {
		i.alias(ctx, m.AccountAlias)
	}
}

// entity makes an entity what the file says in one transaction, and notes what
// became of it. fn reports whether the entity was there.
func (i *importer) entity(ctx context.Context, name string, fn func(tx *directory.Tx) (bool, error)) bool {
	var existed, wrote bool
	err := i.dir.Update(ctx, i.account, func(tx *directory.Tx) (err error) {
		existed, err = fn(tx)
		wrote = tx.Writes()
		return err
	})
	out, isLeftOut := errors.AsType[*leftOut](err)
	switch {
	case isLeftOut:
		i.skip(name + ": " + out.why)
		return true
	case err != nil:
		i.done.Problems = append(i.done.Problems, name+": "+strings.ReplaceAll(err.Error(), "\n", "; "))
		return false
	case !existed:
		i.done.Created = append(i.done.Created, name)
	case wrote:
		i.done.Changed = append(i.done.Changed, name)
	default:
		i.done.Unchanged++
	}
	return true
}

// skip tells of something that is left out, once: a transaction may run again.
func (i *importer) skip(what string) {
	if !slices.Contains(i.done.Skipped, what) {
		i.done.Skipped = append(i.done.Skipped, what)
	}
}

// roles imports the roles. Trust policies may name each other's roles, so those
// that can't be made yet are tried again for as long as any other can.
func (i *importer) roles(ctx context.Context) {
	left := slices.Clone(i.in.RoleDetailList)
	unknown := map[string]string{} // principals, by the role that trusts them
	for progress := true; progress && len(left) > 0; {
		progress = false
		for n := 0; n < len(left); {
			r, before := &left[n], len(i.done.Problems)
			delete(unknown, r.RoleName)
			ok := i.entity(ctx, "role "+r.RoleName, func(tx *directory.Tx) (bool, error) {
				existed, err := i.role(tx, r)
				if e, is := errors.AsType[*directory.InvalidPrincipal](err); is {
					unknown[r.RoleName] = e.Value
				}
				return existed, err
			})
			if !ok && unknown[r.RoleName] != "" { // not yet, perhaps
				i.done.Problems = i.done.Problems[:before]
				n++
				continue
			}
			progress = true
			left = slices.Delete(left, n, n+1)
		}
	}
	for _, r := range left {
		i.done.Skipped = append(i.done.Skipped, fmt.Sprintf("role %s: its trust policy names %s, which does not exist here", r.RoleName, unknown[r.RoleName]))
	}
}

func (i *importer) alias(ctx context.Context, alias string) {
	a, err := i.dir.Snapshot().Account(i.account)
	if err != nil || a == nil || a.Alias == alias {
		return
	}
	if err := i.dir.Update(ctx, i.account, func(tx *directory.Tx) error { return tx.SetAlias(alias) }); err != nil {
		i.done.Skipped = append(i.done.Skipped, "account alias "+alias+": "+err.Error())
		return
	}
	i.done.Changed = append(i.done.Changed, "account alias "+alias)
}

// profiles are the instance profiles of the file, by name.
func (i *importer) profiles() []exportedProfile {
	var all []exportedProfile
	if i.in.Sallyport != nil {
		all = slices.Clone(i.in.Sallyport.InstanceProfiles)
	}
	for _, r := range i.in.RoleDetailList {
		for _, p := range r.InstanceProfileList {
			if !slices.ContainsFunc(all, func(q exportedProfile) bool { return q.InstanceProfileName == p.InstanceProfileName }) {
				p.Roles = []profileRole{{r.RoleName}}
				all = append(all, p)
			}
		}
	}
	return all
}

// pathOf is the path where none is given.
func pathOf(path string) string { return cmp.Or(path, "/") }
