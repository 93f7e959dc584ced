package sts

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// TestPackedSize holds the estimate against the one size that is on record
// (docs/facts, 10.2), and its limit.
func TestPackedSize(t *testing.T) {
	const of150 = `{"Version":"2012-10-17","Statement":[{"Sid":"Stmt1","Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"arn:aws:s3:::example/*"}]}`
	got, err := packedSize(&directory.Session{Policy: of150})
	if err != nil || *got < 13 || *got > 20 {
		t.Errorf("a policy of %d characters uses %v %%, %v; want about 16", len(of150), *got, err)
	}
	if got, err := packedSize(&directory.Session{}); got != nil || err != nil {
		t.Errorf("no policy and no tags use %v, %v", got, err)
	}
	s := new(directory.Session)
	for i := range 50 {
		s.Tags = append(s.Tags, directory.Tag{Key: "key" + strconv.Itoa(i), Value: fmt.Sprintf("%x", sha256.Sum256([]byte{byte(i)}))})
	}
	if _, err := packedSize(s); !errors.Is(err, api.PackedPolicyTooLarge) {
		t.Errorf("50 tags = %v, want PackedPolicyTooLarge", err)
	}
}

func TestRoleAndRootNames(t *testing.T) {
	for _, bad := range []string{
		"", "x", "arn", "nothing-valid-in-here", "arn::b:::something/test-role", "arn:aws:iam::111122223333:user/u",
		"arn:aws:sts::111122223333:assumed-role/r/s", "arn:aws:iam::1:role/r", "arn:aws:iam::111122223333:role",
	} {
		if _, err := roleTarget(nil, bad); !errors.Is(err, awsapi.ValidationError) {
			t.Errorf("roleTarget(%q) = %v, want ValidationError", bad, err)
		}
	}
	for target, want := range map[string]string{
		"111122223333": "111122223333", "arn:aws:iam::111122223333:root": "111122223333",
		"11112222333x": "", "arn:aws:iam::111122223333": "", "111122223333:root": "", "arn:aws:iam::111122223333:user/u": "", "": "",
	} {
		if got, err := rootAccount(target); got != want || (err == nil) != (want != "") {
			t.Errorf("rootAccount(%q) = %q, %v, want %q", target, got, err, want)
		}
	}
}

// TestTagsOfChains: what the caller's session passes on can't be set anew.
func TestTagsOfChains(t *testing.T) {
	c := &service.Caller{Principal: directory.Principal{Session: &directory.Session{
		Tags: []directory.Tag{{Key: "Team", Value: "red"}, {Key: "own", Value: "1"}}, Transitive: []string{"TEAM"},
	}}}
	s := new(directory.Session)
	if err := new(Service).addTags(c, s, []api.Tag{{Key: "own", Value: "2"}}, []string{"Own"}); err != nil {
		t.Fatal(err)
	}
	if len(s.Tags) != 2 || s.Tags[1] != (directory.Tag{Key: "Team", Value: "red"}) || len(s.Transitive) != 2 {
		t.Errorf("tags %v, transitive %v", s.Tags, s.Transitive)
	}
	for _, tags := range [][]api.Tag{{{Key: "tEAM"}}, {{Key: "a"}, {Key: "A"}}, {{Key: "aws:x"}}} {
		if err := new(Service).addTags(c, new(directory.Session), tags, nil); !errors.Is(err, awsapi.InvalidParameterValue) {
			t.Errorf("tags %v = %v, want InvalidParameterValue", tags, err)
		}
	}
}
