package test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func TestServiceLinkedRoles(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	const service = "autoscaling.amazonaws.com"
	made, err := root.iam.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String(service), Description: aws.String("d")})
	must(t, err)
	name := *made.Role.RoleName
	if name != "AWSServiceRoleForAutoScaling" || *made.Role.Path != "/aws-service-role/"+service+"/" || !strings.HasSuffix(*made.Role.Arn, ":role/aws-service-role/"+service+"/"+name) {
		t.Errorf("made %+v", made.Role)
	}
	trust, err := url.QueryUnescape(*made.Role.AssumeRolePolicyDocument)
	must(t, err)
	if want := `{"Version":"2012-10-17","Statement":[{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{"Service":["` + service + `"]}}]}`; trust != want {
		t.Errorf("trust policy %s, want %s", trust, want)
	}
	attached, err := root.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	must(t, err)
	if l := attached.AttachedPolicies; len(l) != 1 || *l[0].PolicyArn != "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy" {
		t.Errorf("attached: %+v", l)
	}

	_, err = root.iam.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String(service)})
	wantCode(t, "a second one", err, "InvalidInput", "Service role name AWSServiceRoleForAutoScaling has been taken in this account, please try a different suffix.")
	other, err := root.iam.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String(service), CustomSuffix: aws.String("two")})
	must(t, err)
	if *other.Role.RoleName != name+"_two" {
		t.Errorf("with a suffix: %s", *other.Role.RoleName)
	}
	scaling, err := root.iam.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("custom-resource.application-autoscaling.amazonaws.com")})
	must(t, err)
	if want := "AWSServiceRoleForApplicationAutoScaling_CustomResource"; *scaling.Role.RoleName != want {
		t.Errorf("made %s, want %s", *scaling.Role.RoleName, want)
	}
	_, err = root.iam.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("ecs.amazonaws.com"), CustomSuffix: aws.String("two")})
	wantCode(t, "no suffix", err, "InvalidInput", "Custom suffix is not allowed for ecs.amazonaws.com")
	_, err = root.iam.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("nothing.amazonaws.com")})
	wantCode(t, "unknown service", err, "InvalidInput", "nothing.amazonaws.com")

	// Nobody can change it but its description and tags.
	const refusal = "Cannot perform the operation on the protected role 'AWSServiceRoleForAutoScaling' - this role is only modifiable by AWS"
	for what, change := range map[string]func() error{
		"DeleteRole": func() error { _, err := root.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name}); return err },
		"AttachRolePolicy": func() error {
			_, err := root.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")})
			return err
		},
		"DetachRolePolicy": func() error {
			_, err := root.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: attached.AttachedPolicies[0].PolicyArn})
			return err
		},
		"PutRolePolicy": func() error {
			_, err := root.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: aws.String(allow("*"))})
			return err
		},
		"UpdateAssumeRolePolicy": func() error {
			_, err := root.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &name, PolicyDocument: &trust})
			return err
		},
		"PutRolePermissionsBoundary": func() error {
			_, err := root.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: &name, PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")})
			return err
		},
		"UpdateRole": func() error {
			_, err := root.iam.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: &name, MaxSessionDuration: aws.Int32(7200)})
			return err
		},
	} {
		wantCode(t, what, change(), "UnmodifiableEntity", refusal)
	}
	_, err = root.iam.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: &name, Description: aws.String("other")})
	must(t, err)
	root.user(t, s, "u", "")
	_, err = root.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("u"), PolicyArn: attached.AttachedPolicies[0].PolicyArn})
	wantCode(t, "attach a service role policy to a user", err, "PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")

	gone, err := root.iam.DeleteServiceLinkedRole(ctx, &iam.DeleteServiceLinkedRoleInput{RoleName: &name})
	must(t, err)
	if !strings.HasPrefix(*gone.DeletionTaskId, "task/aws-service-role/"+service+"/"+name+"/") {
		t.Errorf("task %s", *gone.DeletionTaskId)
	}
	eventually(t, "deletion", func(ctx context.Context) error {
		out, err := root.iam.GetServiceLinkedRoleDeletionStatus(ctx, &iam.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: gone.DeletionTaskId})
		if err != nil {
			return err
		}
		return yet(out.Status == types.DeletionTaskStatusTypeSucceeded)
	})
	_, err = root.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	wantCode(t, "GetRole", err, "NoSuchEntity", name)
	_, err = root.iam.GetServiceLinkedRoleDeletionStatus(ctx, &iam.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: aws.String(*gone.DeletionTaskId + "x")})
	wantCode(t, "unknown task", err, "NoSuchEntity", "")
	_, err = root.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("mine"), AssumeRolePolicyDocument: &trust})
	must(t, err)
	_, err = root.iam.DeleteServiceLinkedRole(ctx, &iam.DeleteServiceLinkedRoleInput{RoleName: aws.String("mine")})
	wantCode(t, "a role of one's own", err, "NoSuchEntity", "mine")

	// Who may make the roles of one service may not make those of another.
	some := root.user(t, s, "some", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"arn:aws:iam::*:role/aws-service-role/*","Condition":{"StringEquals":{"iam:AWSServiceName":"ecs.amazonaws.com"}}}]}`)
	_, err = some.iam.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String(service)})
	wantCode(t, "another service", err, "AccessDenied", "iam:CreateServiceLinkedRole on resource: ")
	_, err = some.iam.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("ecs.amazonaws.com")})
	must(t, err)
}
