package seal

import (
	"encoding/base64"
	"testing"
)

// FuzzWrapped: the file of a wrapped key has one form.
func FuzzWrapped(f *testing.F) {
	f.Add([]byte(wrappedPrefix + "hcvault://vault:8200/transit/keys/a\ndmF1bHQ6djE6AAAA\n"))
	f.Add([]byte(wrappedPrefix + "\n\n"))
	f.Add([]byte("sallyport-master-key-v1:AAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		uri, wrapped, err := parseWrapped(b)
		if err != nil {
			return
		}
		if again := wrappedPrefix + uri + "\n" + base64.StdEncoding.EncodeToString(wrapped) + "\n"; again != string(b) {
			t.Errorf("parseWrapped(%q) = %q, %q", b, uri, wrapped)
		}
	})
}
