package test

import (
	"context"
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// errNotYet: what is waited for has not come yet.
var errNotYet = errors.New("not yet")

// yet is nil where done.
func yet(done bool) error {
	if done {
		return nil
	}
	return errNotYet
}

// credentialReport has the report made and gives its rows by user.
func (c *clients) credentialReport(t *testing.T) (header []string, rows map[string]map[string]string) {
	t.Helper()
	ctx := deadline(t)
	eventually(t, "credential report", func(context.Context) error {
		out, err := c.iam.GenerateCredentialReport(ctx, &iam.GenerateCredentialReportInput{})
		must(t, err)
		return yet(out.State == types.ReportStateTypeComplete)
	})
	out, err := c.iam.GetCredentialReport(ctx, &iam.GetCredentialReportInput{})
	must(t, err)
	if out.ReportFormat != types.ReportFormatTypeTextCsv || out.GeneratedTime == nil {
		t.Errorf("GetCredentialReport: format %q, time %v", out.ReportFormat, out.GeneratedTime)
	}
	lines, err := csv.NewReader(strings.NewReader(string(out.Content))).ReadAll()
	must(t, err)
	rows = map[string]map[string]string{}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, v := range line {
			row[lines[0][i]] = v
		}
		rows[row["user"]] = row
	}
	return lines[0], rows
}

func TestCredentialReport(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)

	_, err := root.iam.GetCredentialReport(ctx, &iam.GetCredentialReportInput{})
	wantCode(t, "GetCredentialReport before any", err, "ReportNotPresent", "")

	const name = "used,quoted"
	used := root.user(t, s, name, allow("iam:*"))
	_, err = used.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	second := s.as(root.newKey(t, name))
	must(t, second.whoami(ctx))
	_, err = root.iam.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: aws.String(name), AccessKeyId: &used.keys.ID, Status: types.StatusTypeInactive})
	must(t, err)
	_, err = root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("bare")})
	must(t, err)
	_, err = root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("console")})
	must(t, err)
	_, err = root.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: aws.String("console"), Password: aws.String("Long enough 1!")})
	must(t, err)
	_, err = root.iam.UpdateAccountPasswordPolicy(ctx, &iam.UpdateAccountPasswordPolicyInput{MaxPasswordAge: aws.Int32(30)})
	must(t, err)

	header, rows := root.credentialReport(t)
	if got, want := strings.Join(header, ","), "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,"+
		"access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,"+
		"access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,"+
		"cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated"; got != want {
		t.Errorf("columns:\n%s\nwant\n%s", got, want)
	}
	moment := func(v string) string {
		if _, err := time.Parse("2006-01-02T15:04:05Z", v); err == nil {
			return "time"
		}
		return v
	}
	row := func(user string) string {
		var values []string
		for _, column := range header[2:] {
			values = append(values, moment(rows[user][column]))
		}
		return strings.Join(values, " ")
	}
	const noKey, noCert = "false N/A N/A N/A N/A", "false N/A"
	for user, want := range map[string]string{
		"<root_account>": "time not_supported no_information not_supported not_supported false true time time us-east-1 iam " + noKey + " " + noCert + " " + noCert,
		"bare":           "time false N/A N/A N/A false " + noKey + " " + noKey + " " + noCert + " " + noCert,
		"console":        "time true no_information time time false " + noKey + " " + noKey + " " + noCert + " " + noCert,
		name:             "time false N/A N/A N/A false true time time us-east-1 sts false time time us-east-1 iam " + noCert + " " + noCert,
	} {
		if diff := cmp.Diff(want, row(user)); diff != "" {
			t.Errorf("row of %s (-want +got):\n%s", user, diff)
		}
	}
	if got := rows["<root_account>"]["arn"]; !strings.HasSuffix(got, ":root") {
		t.Errorf("root's arn is %s", got)
	}

	// A report that is there is given as it is; it survives a restart.
	_, err = root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("late")})
	must(t, err)
	s.stop()
	root = s.again(command{}).as(root.keys)
	if _, rows := root.credentialReport(t); rows["late"] != nil || rows["bare"] == nil {
		t.Errorf("after a restart, the report has %d rows, late: %v", len(rows), rows["late"])
	}
}

// lastAccessed has a report made about an ARN and gives its services by namespace.
func (c *clients) lastAccessed(t *testing.T, arn string, granularity types.AccessAdvisorUsageGranularityType) (job *string, services map[string]types.ServiceLastAccessed) {
	t.Helper()
	ctx := deadline(t)
	made, err := c.iam.GenerateServiceLastAccessedDetails(ctx, &iam.GenerateServiceLastAccessedDetailsInput{Arn: &arn, Granularity: granularity})
	must(t, err)
	services = map[string]types.ServiceLastAccessed{}
	eventually(t, "service last accessed details", func(context.Context) error {
		out, err := c.iam.GetServiceLastAccessedDetails(ctx, &iam.GetServiceLastAccessedDetailsInput{JobId: made.JobId})
		must(t, err)
		if out.JobStatus == types.JobStatusTypeFailed {
			t.Fatalf("job failed: %+v", out.Error)
		}
		return yet(out.JobStatus == types.JobStatusTypeCompleted)
	})
	in := &iam.GetServiceLastAccessedDetailsInput{JobId: made.JobId, MaxItems: aws.Int32(100)}
	for {
		out, err := c.iam.GetServiceLastAccessedDetails(ctx, in)
		must(t, err)
		for _, s := range out.ServicesLastAccessed {
			services[*s.ServiceNamespace] = s
		}
		if !out.IsTruncated {
			return made.JobId, services
		}
		in.Marker = out.Marker
	}
}

func TestServiceLastAccessed(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","s3:Get*","ec2:Describe*"],"Resource":"*"}]}`
	made, err := root.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("shared"), PolicyDocument: aws.String(policy)})
	must(t, err)
	_, err = root.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("readers")})
	must(t, err)
	_, err = root.iam.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: aws.String("readers"), PolicyArn: made.Policy.Arn})
	must(t, err)
	ann, ben := root.user(t, s, "ann", ""), root.user(t, s, "ben", allow("sts:AssumeRole"))
	for _, name := range []string{"ann", "ben"} {
		_, err = root.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: aws.String("readers"), UserName: &name})
		must(t, err)
	}
	_, err = ann.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	_, err = ann.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("none")})
	wantCode(t, "GetRole", err, "NoSuchEntity", "none")
	must(t, ben.whoami(ctx)) // of a service that his groups don't grant

	annARN := strings.Replace(*made.Policy.Arn, "policy/shared", "user/ann", 1)
	_, services := root.lastAccessed(t, annARN, "")
	iamUse, s3Use := services["iam"], services["s3"]
	if len(services) != 3 || iamUse.LastAuthenticated == nil || *iamUse.TotalAuthenticatedEntities != 1 || *iamUse.LastAuthenticatedEntity != annARN ||
		*iamUse.LastAuthenticatedRegion != "us-east-1" || *iamUse.ServiceName != "AWS Identity and Access Management" || iamUse.TrackedActionsLastAccessed != nil {
		t.Errorf("of ann: %d services, iam %+v", len(services), iamUse)
	}
	if s3Use.LastAuthenticated != nil || *s3Use.TotalAuthenticatedEntities != 0 {
		t.Errorf("of ann: s3 %+v", s3Use)
	}

	job, services := root.lastAccessed(t, *made.Policy.Arn, types.AccessAdvisorUsageGranularityTypeActionLevel)
	if services["sts"].ServiceName != nil || *services["iam"].TotalAuthenticatedEntities != 1 {
		t.Errorf("of the policy: %+v", services)
	}
	used := map[string]bool{}
	for _, a := range services["iam"].TrackedActionsLastAccessed {
		if a.LastAccessedTime != nil {
			used[*a.ActionName] = true
		}
	}
	if diff := cmp.Diff(map[string]bool{"ListUsers": true, "GetRole": true}, used); diff != "" {
		t.Errorf("actions used (-want +got):\n%s", diff)
	}
	entities, err := root.iam.GetServiceLastAccessedDetailsWithEntities(ctx, &iam.GetServiceLastAccessedDetailsWithEntitiesInput{JobId: job, ServiceNamespace: aws.String("iam")})
	must(t, err)
	if l := entities.EntityDetailsList; len(l) != 2 || *l[0].EntityInfo.Name != "ann" || l[0].LastAuthenticated == nil || *l[1].EntityInfo.Name != "ben" || l[1].LastAuthenticated != nil {
		t.Errorf("entities: %+v", l)
	}

	// It is for who asked for it, and of what there is.
	_, err = ann.iam.GetServiceLastAccessedDetails(ctx, &iam.GetServiceLastAccessedDetailsInput{JobId: job})
	wantCode(t, "another's job", err, "NoSuchEntity", *job)
	_, err = root.iam.GenerateServiceLastAccessedDetails(ctx, &iam.GenerateServiceLastAccessedDetailsInput{Arn: aws.String(annARN + "e")})
	wantCode(t, "unknown user", err, "NoSuchEntity", "anne")
	_, err = root.iam.GenerateServiceLastAccessedDetails(ctx, &iam.GenerateServiceLastAccessedDetailsInput{Arn: aws.String("arn:aws:s3:::not-an-entity")})
	wantCode(t, "no entity", err, "InvalidInput", "")

	// What was used is kept.
	s.stop()
	root = s.again(command{}).as(root.keys)
	if _, services := root.lastAccessed(t, annARN, ""); services["iam"].LastAuthenticated == nil {
		t.Errorf("after a restart, of ann: %+v", services["iam"])
	}

	granting, err := root.iam.ListPoliciesGrantingServiceAccess(ctx, &iam.ListPoliciesGrantingServiceAccessInput{
		Arn: aws.String(strings.Replace(annARN, "ann", "ben", 1)), ServiceNamespaces: []string{"iam", "sts", "sqs"},
	})
	must(t, err)
	var got []string
	for _, g := range granting.PoliciesGrantingServiceAccess {
		for _, p := range g.Policies {
			got = append(got, *g.ServiceNamespace+" "+*p.PolicyName+" "+string(p.PolicyType)+" "+aws.ToString(p.PolicyArn)+" "+string(p.EntityType)+" "+aws.ToString(p.EntityName))
		}
	}
	if diff := cmp.Diff([]string{"iam shared MANAGED " + *made.Policy.Arn + "  ", "sts own INLINE  USER ben"}, got); diff != "" || len(granting.PoliciesGrantingServiceAccess) != 3 {
		t.Errorf("policies granting (-want +got):\n%s", diff)
	}
}
