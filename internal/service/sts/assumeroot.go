package sts

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

const (
	// rootTask is the longest session of AssumeRoot, and its default.
	rootTask = 15 * time.Minute
	// taskPolicies is where the policies stand that say what such a session is for.
	taskPolicies = "arn:aws:iam::aws:policy/root-task/"
	// rootSessions is the feature of an organization that allows them.
	rootSessions = "RootSessions"
)

// actsOnRoot: the resource is the root user of a member account.
func actsOnRoot(o *service.Operation) {
	o.Targets = func(_ *service.Caller, in any) ([]service.Target, error) {
		account, err := rootAccount(in.(*api.AssumeRootRequest).TargetPrincipal)
		if err != nil {
			return nil, err
		}
		return []service.Target{{ARN: rootARN(account)}}, nil
	}
	o.Context = func(_ *service.Caller, in any, keys *policy.Context) {
		keys.Set("sts:TaskPolicyArn", taskPolicy(in.(*api.AssumeRootRequest)))
	}
}

func rootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// rootAccount is the account of a TargetPrincipal: its id or its root's ARN.
func rootAccount(target string) (string, error) {
	account := strings.TrimSuffix(strings.TrimPrefix(target, "arn:aws:iam::"), ":root")
	if len(account) != 12 || strings.Trim(account, "0123456789") != "" || target != account && target != rootARN(account) {
		return "", awsapi.ValidationError.New("%s is invalid", target)
	}
	return account, nil
}

func taskPolicy(in *api.AssumeRootRequest) string {
	if in.TaskPolicyArn == nil {
		return ""
	}
	return in.TaskPolicyArn.Arn
}

// AssumeRoot makes temporary credentials of the root user of a member account
// for one task: the management account may ask for them where its organization
// has the feature.
func (s *Service) AssumeRoot(_ context.Context, c *service.Caller, in *api.AssumeRootRequest) (*api.AssumeRootResponse, error) {
	account, err := rootAccount(in.TargetPrincipal)
	if err != nil {
		return nil, err
	}
	task := taskPolicy(in)
	if _, err := c.Snapshot.Policy(account, task); err != nil || !strings.HasPrefix(task, taskPolicies) {
		return nil, awsapi.ValidationError.New("%s is invalid", task)
	}
	managed, err := manages(c, account)
	if err != nil {
		return nil, err
	}
	if !managed {
		return nil, awsapi.AccessDenied.New("User: %s is not authorized to perform: sts:AssumeRoot on resource: %s", c.ARN(), rootARN(account))
	}
	life := rootTask
	if in.DurationSeconds != nil && *in.DurationSeconds > 0 {
		life = time.Duration(*in.DurationSeconds) * time.Second
	}
	session := &directory.Session{
		Kind: directory.RootSession, Account: account, Entity: account, Issuer: c.ARN(),
		PolicyARNs: []string{task}, SourceIdentity: sourceIdentity(c, ""),
	}
	creds, err := s.credentials(c, session, life)
	if err != nil {
		return nil, err
	}
	return &api.AssumeRootResponse{Credentials: creds, SourceIdentity: session.SourceIdentity}, nil
}

// manages reports whether the caller's account is the management account of an
// organization with root sessions that the other account is a member of.
func manages(c *service.Caller, account string) (bool, error) {
	own, err := c.Snapshot.Organization(c.Account())
	if err != nil || own == nil {
		return false, err
	}
	other, err := c.Snapshot.Organization(account)
	if err != nil || other == nil {
		return false, err
	}
	return own.Account() == c.Account() && other.Account() == c.Account() && account != c.Account() &&
		slices.Contains(own.RootFeatures, rootSessions), nil
}
