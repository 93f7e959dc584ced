package test

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// eventually asks again until done says yes.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// credentialReport has the report made and gives its rows by user.
func (c *clients) credentialReport(t *testing.T) (header []string, rows map[string]map[string]string) {
	t.Helper()
	ctx := deadline(t)
	eventually(t, "credential report", func() bool {
		out, err := c.iam.GenerateCredentialReport(ctx, &iam.GenerateCredentialReportInput{})
		must(t, err)
		return out.State == types.ReportStateTypeComplete
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
