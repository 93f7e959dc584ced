package test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestDelegationRequests(t *testing.T) {
	t.Parallel()
	s := serve(t)
	owner := s.as(s.root())
	ctx := deadline(t)
	partner := s.rootOf(s.newAccount("partner"))
	account := s.accountID(t)

	template, err := partner.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("template"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetUser","iam:DeleteUser"],"Resource":["arn:aws:iam::*:user/@{Prefix}@{Names}"]}]}`)})
	must(t, err)
	ask := func(change func(*iam.CreateDelegationRequestInput)) (*string, error) {
		in := &iam.CreateDelegationRequestInput{
			Description: aws.String("to look after your users"), NotificationChannel: aws.String("arn:aws:sns:us-east-1:123456789012:t"),
			RequestorWorkflowId: aws.String("workflow"), SessionDuration: aws.Int32(900),
			Permissions: &types.DelegationPermission{PolicyTemplateArn: template.Policy.Arn, Parameters: []types.PolicyParameter{
				{Name: aws.String("Names"), Type: types.PolicyParameterTypeEnumStringList, Values: []string{"app-*", "web-*"}},
				{Name: aws.String("Prefix"), Type: types.PolicyParameterTypeEnumString, Values: []string{"team-"}},
			}},
		}
		if change != nil {
			change(in)
		}
		out, err := partner.iam.CreateDelegationRequest(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.DelegationRequestId, nil
	}
	_, err = ask(func(in *iam.CreateDelegationRequestInput) { in.Permissions.Parameters = in.Permissions.Parameters[:1] })
	wantCode(t, "without a parameter", err, "InvalidInput", "@{Prefix}")
	_, err = ask(func(in *iam.CreateDelegationRequestInput) { in.OwnerAccountId = aws.String("999999999999") })
	wantCode(t, "of no account", err, "InvalidInput", "999999999999")

	id, err := ask(nil)
	must(t, err)
	state := func(c *clients, want types.StateType) {
		t.Helper()
		out, err := c.iam.GetDelegationRequest(ctx, &iam.GetDelegationRequestInput{DelegationRequestId: id})
		must(t, err)
		if out.DelegationRequest.State != want {
			t.Errorf("state %s, want %s", out.DelegationRequest.State, want)
		}
	}
	state(partner, types.StateTypeUnassigned) // anyone sees it

	admin, weak := owner.user(t, s, "admin", allow("iam:*")), owner.user(t, s, "weak", allow("iam:*DelegationRequest*", "iam:GetUser"))
	_, err = weak.iam.AssociateDelegationRequest(ctx, &iam.AssociateDelegationRequestInput{DelegationRequestId: id})
	must(t, err)
	state(weak, types.StateTypeAssigned)
	_, err = partner.iam.GetDelegationRequest(ctx, &iam.GetDelegationRequestInput{DelegationRequestId: id})
	wantCode(t, "another account's request", err, "NoSuchEntity", *id)
	list, err := weak.iam.ListDelegationRequests(ctx, &iam.ListDelegationRequestsInput{OwnerId: aws.String("arn:aws:iam::" + account + ":user/weak")})
	must(t, err)
	if len(list.DelegationRequests) != 1 || *list.DelegationRequests[0].DelegationRequestId != *id {
		t.Errorf("list: %+v", list.DelegationRequests)
	}
	for c, want := range map[*clients]types.PermissionCheckResultType{admin: types.PermissionCheckResultTypeAllowed, weak: types.PermissionCheckResultTypeDenied} {
		out, err := c.iam.GetDelegationRequest(ctx, &iam.GetDelegationRequestInput{DelegationRequestId: id, DelegationPermissionCheck: true})
		must(t, err)
		if out.PermissionCheckStatus != types.PermissionCheckStatusTypeComplete || out.PermissionCheckResult != want {
			t.Errorf("permission check: %s %s, want %s", out.PermissionCheckStatus, out.PermissionCheckResult, want)
		}
	}
	summary, err := admin.iam.GetHumanReadableSummary(ctx, &iam.GetHumanReadableSummaryInput{EntityArn: aws.String("arn:aws:iam::" + account + ":delegation-request/" + *id)})
	must(t, err)
	if text := aws.ToString(summary.SummaryContent); summary.SummaryState != types.SummaryStateTypeAvailable ||
		!strings.Contains(text, "(partner) asks to act in your account for 15 minutes") || !strings.Contains(text, "it may use iam:GetUser, iam:DeleteUser on arn:aws:iam::*:user/team-app-*, arn:aws:iam::*:user/team-web-*") {
		t.Errorf("summary %s: %s", summary.SummaryState, text)
	}

	_, err = weak.iam.UpdateDelegationRequest(ctx, &iam.UpdateDelegationRequestInput{DelegationRequestId: id, Notes: aws.String("please")})
	must(t, err)
	state(admin, types.StateTypePendingApproval)
	_, err = admin.iam.SendDelegationToken(ctx, &iam.SendDelegationTokenInput{DelegationRequestId: id})
	wantCode(t, "send before it is accepted", err, "InvalidInput", "PENDING_APPROVAL")
	_, err = owner.iam.AcceptDelegationRequest(ctx, &iam.AcceptDelegationRequestInput{DelegationRequestId: id})
	wantCode(t, "accept as root", err, "AccessDenied", "")
	_, err = admin.iam.AcceptDelegationRequest(ctx, &iam.AcceptDelegationRequestInput{DelegationRequestId: id})
	must(t, err)
	if out, err := s.sallyport("", "delegation", "token", *id); err == nil {
		t.Errorf("a token before it is sent: %s", out)
	}
	_, err = admin.iam.SendDelegationToken(ctx, &iam.SendDelegationTokenInput{DelegationRequestId: id})
	must(t, err)
	state(admin, types.StateTypeFinalized)
	_, err = admin.iam.RejectDelegationRequest(ctx, &iam.RejectDelegationRequestInput{DelegationRequestId: id})
	wantCode(t, "reject what is final", err, "InvalidInput", "FINALIZED")

	// The token is the partner's alone.
	token := strings.TrimSpace(s.must("delegation", "token", *id))
	_, err = owner.sts.GetDelegatedAccessToken(ctx, &sts.GetDelegatedAccessTokenInput{TradeInToken: &token})
	wantCode(t, "the token in another account", err, "ExpiredTradeInTokenException", "")
	_, err = partner.sts.GetDelegatedAccessToken(ctx, &sts.GetDelegatedAccessTokenInput{TradeInToken: aws.String(token + "x")})
	wantCode(t, "a wrong token", err, "ExpiredTradeInTokenException", "")
	got, err := partner.sts.GetDelegatedAccessToken(ctx, &sts.GetDelegatedAccessTokenInput{TradeInToken: &token})
	must(t, err)
	if *got.AssumedPrincipal != "arn:aws:iam::"+account+":user/admin" {
		t.Errorf("acts as %s", *got.AssumedPrincipal)
	}
	as := s.as(keys{*got.Credentials.AccessKeyId, *got.Credentials.SecretAccessKey, *got.Credentials.SessionToken})
	owner.user(t, s, "team-app-one", "")
	_, err = as.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("team-app-one")})
	must(t, err)
	_, err = as.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("weak")})
	wantCode(t, "outside of the policy", err, "AccessDenied", "session policy")
	_, err = as.iam.ListUsers(ctx, &iam.ListUsersInput{})
	wantCode(t, "outside of the policy", err, "AccessDenied", "session policy")
	// It ends with the one who accepted it.
	_, err = owner.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("admin"), PolicyName: aws.String("own"), PolicyDocument: aws.String(allow("iam:ListUsers"))})
	must(t, err)
	_, err = as.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("team-app-one")})
	wantCode(t, "more than the approver may", err, "AccessDenied", "identity-based policy")

	id, err = ask(func(in *iam.CreateDelegationRequestInput) { in.OwnerAccountId = &account })
	must(t, err)
	_, err = partner.iam.AssociateDelegationRequest(ctx, &iam.AssociateDelegationRequestInput{DelegationRequestId: id})
	wantCode(t, "a request for another account", err, "NoSuchEntity", *id)
	_, err = weak.iam.RejectDelegationRequest(ctx, &iam.RejectDelegationRequestInput{DelegationRequestId: id, Notes: aws.String("no")})
	must(t, err)
	state(weak, types.StateTypeRejected)
	s.stop()
	s.must("check")
}
