package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/policy"
)

func TestGranted(t *testing.T) {
	actions := policy.NewActions("s3:GetObject", "iam:GetUser", "iam:CreateUser", "sts:AssumeRole")
	for _, tt := range []struct {
		name, statements string
		want             []string
	}{
		{"all", `{"Effect":"Allow","Action":"*","Resource":"*"}`, []string{"s3:GetObject", "iam:GetUser", "iam:CreateUser", "sts:AssumeRole"}},
		{"one service", `{"Effect":"Allow","Action":"IAM:*","Resource":"*"}`, []string{"iam:GetUser", "iam:CreateUser"}},
		{"a pattern, a resource and a condition", `{"Effect":"Allow","Action":"iam:Get*","Resource":"arn:aws:iam::1:user/a","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`, []string{"iam:GetUser"}},
		{"all but one service", `{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, []string{"s3:GetObject", "sts:AssumeRole"}},
		{"denied besides", `{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*"}`, []string{"s3:GetObject"}},
		{"only denied", `{"Effect":"Deny","Action":"*","Resource":"*"}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := policy.Parse(`{"Version":"2012-10-17","Statement":[`+tt.statements+`]}`, policy.Inline)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, policy.Granted(actions, p)); diff != "" {
				t.Errorf("Granted (-want +got):\n%s", diff)
			}
		})
	}
	for _, tt := range []struct {
		name, statements string
		want             []string
	}{
		{"one service", `{"Effect":"Deny","Action":"iam:*","Resource":"*"}`, []string{"iam:GetUser", "iam:CreateUser"}},
		{"all but one service", `{"Effect":"Deny","NotAction":"iam:*","Resource":["arn:aws:s3:::b","*"]}`, []string{"s3:GetObject", "sts:AssumeRole"}},
		{"under a condition", `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`, nil},
		{"on some resources", `{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::*"},{"Effect":"Deny","Action":"*","NotResource":"*"}`, nil},
		{"only allowed", `{"Effect":"Allow","Action":"*","Resource":"*"}`, nil},
	} {
		t.Run("withheld: "+tt.name, func(t *testing.T) {
			p := policy.Load(`{"Version":"2012-10-17","Statement":[`+tt.statements+`]}`, policy.SCP)
			if diff := cmp.Diff(tt.want, policy.Withheld(actions, p)); diff != "" {
				t.Errorf("Withheld (-want +got):\n%s", diff)
			}
		})
	}
	if got := policy.Withheld(actions, policy.Load("{", policy.SCP)); len(got) != 4 {
		t.Errorf("Withheld(a policy that can't be read) = %v, want all", got)
	}
	if got := policy.Granted(actions, policy.Load("{", policy.Inline)); got != nil {
		t.Errorf("Granted(a policy that can't be read) = %v, want none", got)
	}
}
