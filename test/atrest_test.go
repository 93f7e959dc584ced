package test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSecretsAtRest: no secret stands in the data folder in plain text, but for
// the root user's in the two files that are made for them to be read from.
func TestSecretsAtRest(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	u := root.user(t, s, "user", allow("s3:GetObject"))
	session := u.session(t)
	s.kill() // what was written is as it was written: nothing has been compacted
	for what, tt := range map[string]struct {
		text string
		want []string
	}{
		"root's secret": {root.keys.Secret, []string{"rootkey.csv"}},
		"user's secret": {u.keys.Secret, nil}, "session's secret": {session.Secret, nil}, "session's token": {session.Token, nil},
	} {
		if diff := cmp.Diff(tt.want, filesWith(t, s.data, tt.text)); diff != "" {
			t.Errorf("files that hold the %s (-want +got):\n%s", what, diff)
		}
	}
	if len(filesWith(t, s.data, u.keys.ID)) == 0 {
		t.Error("no file holds the user's access key id: the test looks in the wrong place")
	}
}

// filesWith lists the files below the folder that contain the text.
func filesWith(t *testing.T, folder, text string) []string {
	t.Helper()
	var found []string
	must(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			name, _ := filepath.Rel(folder, path)
			found = append(found, name)
		}
		return err
	}))
	slices.Sort(found)
	return found
}
