package test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// together makes n calls at once and counts those that succeed. All others must
// be refused with that code.
func together(t *testing.T, n int, code string, call func(i int) error) int {
	t.Helper()
	errs := make([]error, n)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-begin
			errs[i] = call(i)
		})
	}
	close(begin)
	wg.Wait()
	succeeded := 0
	for i, err := range errs {
		if err == nil {
			succeeded++
		} else {
			wantCode(t, fmt.Sprintf("call %d of %d at once", i, n), err, code, "")
		}
	}
	return succeeded
}

// TestTogether: rules hold when many clients change the same thing at once.
func TestTogether(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	const n = 24
	made := together(t, n, "EntityAlreadyExists", func(i int) error {
		name := []string{"same", "Same", "SAME"}[i%3]
		_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
		return err
	})
	if made != 1 {
		t.Errorf("%d users of one name were made, want 1", made)
	}
	made = together(t, n, "LimitExceeded", func(int) error {
		_, err := root.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("same")})
		return err
	})
	list, err := root.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String("same")})
	must(t, err)
	if made != 2 || len(list.AccessKeyMetadata) != 2 {
		t.Errorf("%d keys were answered and %d are there, want 2 and 2", made, len(list.AccessKeyMetadata))
	}
	gone := together(t, n, "NoSuchEntity", func(int) error {
		_, err := root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("same"), AccessKeyId: list.AccessKeyMetadata[0].AccessKeyId})
		return err
	})
	if gone != 1 {
		t.Errorf("one key was deleted %d times, want once", gone)
	}
	policySizeTogether(t, root)
	deleteAgainstCreate(t, root)
}

// policySizeTogether: two large policies don't fit, one does.
func policySizeTogether(t *testing.T, root *clients) {
	ctx := deadline(t)
	large := `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::` + strings.Repeat("b", 1500) + `"}}`
	stored := together(t, 8, "LimitExceeded", func(i int) error {
		_, err := root.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("same"), PolicyName: aws.String(fmt.Sprint("p", i)), PolicyDocument: &large})
		return err
	})
	if stored != 1 {
		t.Errorf("%d policies of 1500 characters fit into 2048, want 1", stored)
	}
}

// deleteAgainstCreate: a user is never deleted with a key on them.
func deleteAgainstCreate(t *testing.T, root *clients) {
	ctx := deadline(t)
	for round := range 20 {
		name := fmt.Sprint("round", round)
		_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
		must(t, err)
		var keyErr, deleteErr error
		var wg sync.WaitGroup
		wg.Go(func() { _, keyErr = root.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name}) })
		wg.Go(func() { _, deleteErr = root.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &name}) })
		wg.Wait()
		switch {
		case keyErr == nil && deleteErr == nil, keyErr != nil && deleteErr != nil:
			t.Errorf("CreateAccessKey = %v while DeleteUser = %v, want one of them refused", keyErr, deleteErr)
		case keyErr != nil:
			wantCode(t, "CreateAccessKey", keyErr, "NoSuchEntity", "")
		default:
			wantCode(t, "DeleteUser", deleteErr, "DeleteConflict", "")
		}
	}
}
