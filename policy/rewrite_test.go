package policy

import (
	"strings"
	"testing"
)

func TestRewritePrincipals(t *testing.T) {
	const text = `{"Statement": [{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:user\/é", "*", "111122223333"],
	"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Sid":"a"},
  {"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/é"},"Action":"sts:AssumeRole",
   "Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/é"}}}]}`
	p, err := Parse(text, Trust)
	if err != nil {
		t.Fatal(err)
	}
	got := p.RewritePrincipals(func(n NamedPrincipal) string {
		if n.Type == "AWS" && strings.HasSuffix(n.Value, "/é") {
			return "AIDAEXAMPLE"
		}
		return n.Value
	})
	want := strings.Replace(text, `"arn:aws:iam::111122223333:user\/é"`, `"AIDAEXAMPLE"`, 1)
	want = strings.Replace(want, `{"AWS":"arn:aws:iam::111122223333:user/é"}`, `{"AWS":"AIDAEXAMPLE"}`, 1)
	if got != want {
		t.Errorf("RewritePrincipals = %s\nwant %s", got, want)
	}
}

// FuzzRewritePrincipals: a rewritten document is one, with the new principals
// and all else as it was; rewriting back gives the decoded text back.
func FuzzRewritePrincipals(f *testing.F) {
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:user/a"]},"Action":"sts:*"}}`)
	f.Add("{\"Statement\":\r\n[{\"Effect\":\"Deny\",\t\"Principal\":{\"AWS\":\"\\u002a\"},\"Action\":\"sts:AssumeRole\"}]}")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text, Trust)
		if err != nil {
			return
		}
		if same := p.RewritePrincipals(func(n NamedPrincipal) string { return n.Value }); same != text {
			t.Fatalf("nothing changed, and yet %q became %q", text, same)
		}
		q, err := Parse(p.RewritePrincipals(func(n NamedPrincipal) string {
			if n.Type == "AWS" {
				return "AIDAEXAMPLEEXAMPLE"
			}
			return n.Value
		}), Trust)
		if err != nil {
			t.Fatalf("rewritten %q doesn't parse: %v", text, err)
		}
		was, is := p.Principals(), q.Principals()
		if len(was) != len(is) {
			t.Fatalf("%q has %d principals, rewritten %d", text, len(was), len(is))
		}
		for i := range was {
			if was[i].Type == "AWS" && is[i].Value != "AIDAEXAMPLEEXAMPLE" || was[i].Type != is[i].Type {
				t.Fatalf("%q: principal %d became %v", text, i, is[i])
			}
		}
	})
}
