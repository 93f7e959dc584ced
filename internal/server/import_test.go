package server

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzReadExported: what reads, and is written, reads the same again; nothing
// of the file's account is left where another one takes its place.
func FuzzReadExported(f *testing.F) {
	f.Add([]byte(`{"UserDetailList":[{"UserName":"a","Arn":"arn:aws:iam::123456789012:user/a","UserPolicyList":[{"PolicyName":"p","PolicyDocument":{"a":"123456789012"}}]}]}`))
	f.Add([]byte(`{"RoleDetailList":[{"RoleName":"r","AssumeRolePolicyDocument":"%7B%22a%22%3A1%7D"}]}`))
	f.Add([]byte(`{"Sallyport":{"Version":1,"Account":"123456789012"}}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		in, _, err := readExported(file, "999988887777")
		if err != nil {
			return
		}
		in.problems()
		once, err := json.Marshal(in)
		if err != nil {
			t.Fatalf("write %q: %v", file, err)
		}
		again, _, err := readExported(once, "999988887777")
		if err != nil {
			return // its account's id stood where none can
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(once) {
			t.Errorf("read and written again: %s, %v, want %s", twice, err, once)
		}
	})
}

// FuzzReadKeys: what is refused repeats nothing that could be a secret.
func FuzzReadKeys(f *testing.F) {
	f.Add("alice,AKIAIOSFODNN7EXAMPLE,", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	f.Add("User,AccessKeyId,Secret\nalice,", "\"x")
	f.Fuzz(func(t *testing.T, start, secret string) {
		keys, err := readKeys([]byte(start + secret))
		if err != nil && len(secret) > 20 && strings.Contains(err.Error(), secret) && !strings.Contains("want NAME,ACCESS KEY ID,SECRET with an id of 16 to 128 letters, digits and underscores and a secret of 16 to 128 characters", secret) {
			t.Errorf("readKeys repeats %q: %v", secret, err)
		}
		for _, k := range keys {
			if k.user == "" || !givenKeyID.MatchString(k.id) || k.secret.IsZero() {
				t.Errorf("readKeys(%q) gives a key of %q with id %q", start+secret, k.user, k.id)
			}
		}
	})
}
