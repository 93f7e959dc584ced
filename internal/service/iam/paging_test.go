package iam

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

func letters(s string) (all []string) {
	for _, r := range s {
		all = append(all, string(r))
	}
	return all
}

func same(s string) string { return s }

func TestPagesHoldEverythingOnce(t *testing.T) {
	all := letters("abcdefghij")
	for size := int32(1); size <= 11; size++ {
		var got []string
		marker := ""
		for {
			p, err := pageOf("List", marker, &size, all, same, same)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.items) > int(size) {
				t.Fatalf("a page of %d holds %d", size, len(p.items))
			}
			got = append(got, p.items...)
			if marker = p.marker(); marker == "" {
				break
			}
		}
		if !cmp.Equal(got, all) {
			t.Errorf("pages of %d: %v, want %v", size, got, all)
		}
	}
}

// Whoever deletes what they have listed before they ask for more misses nothing.
func TestPageAfterAnItemThatIsGone(t *testing.T) {
	two := int32(2)
	p, err := pageOf("List", "", &two, letters("abcd"), same, same)
	if err != nil {
		t.Fatal(err)
	}
	p, err = pageOf("List", p.marker(), &two, letters("cd"), same, same)
	if err != nil || !cmp.Equal(p.items, letters("cd")) {
		t.Errorf("page = %v, %v, want c and d", p.items, err)
	}
}

// The model bounds markers to 320 characters; the keys of what is listed can be
// longer: ARNs, and tag keys in other letters than Latin ones.
func TestMarkersAreShort(t *testing.T) {
	one := int32(1)
	long := []string{strings.Repeat("é", 128), "arn:aws:iam::123456789012:policy/" + strings.Repeat("a", 640), strings.Repeat("é", 127) + "f"}
	var got []string
	for marker := ""; ; {
		p, err := pageOf("ListAttachedGroupPolicies", marker, &one, long, same, same)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.items...)
		if marker = p.marker(); marker == "" {
			break
		}
		if len(marker) > 320 {
			t.Fatalf("a marker has %d characters", len(marker))
		}
	}
	if !cmp.Equal(got, long) {
		t.Errorf("pages = %q", got)
	}
}

func TestMarkersOfOthersAreRefused(t *testing.T) {
	one := int32(1)
	p, err := pageOf("ListUsers", "", &one, letters("ab"), same, same)
	if err != nil {
		t.Fatal(err)
	}
	for _, marker := range []string{p.marker(), "x", "!", "AAAA"} {
		if _, err := pageOf("ListGroups", marker, nil, letters("ab"), same, same); !errors.Is(err, awsapi.ValidationError) {
			t.Errorf("marker %q: %v, want ValidationError", marker, err)
		}
	}
}

func FuzzMarker(f *testing.F) {
	f.Add("")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(stamp("List") + "a")))
	f.Fuzz(func(t *testing.T, marker string) {
		p, err := pageOf("List", marker, nil, letters("abc"), same, same)
		if err == nil && len(p.items) > 3 {
			t.Errorf("marker %q gives %v", marker, p.items)
		}
	})
}
