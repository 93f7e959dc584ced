// Package federation is the trust between a deployment and identity providers.
//
// It verifies what others have issued: ID tokens of OpenID Connect providers,
// whose keys it fetches and keeps for a while, and assertions of SAML 2.0
// providers. And it issues tokens itself: JSON Web Tokens, with the discovery
// document and the key set by which others verify them.
//
// It decides nothing about roles or policies: it says who was vouched for, and
// what was said of them.
package federation

// Refused: a token or an assertion that is not accepted. The text is AWS's own,
// where it is known, and may be seen by whoever sent it.
type Refused struct {
	Text    string
	Expired bool  // it was good, but is too old
	Err     error // the cause; for the log only
}

func (e *Refused) Error() string { return e.Text }

func (e *Refused) Unwrap() error { return e.Err }

func refused(text string) error { return &Refused{Text: text} }

// Tag is a session tag that a provider gives.
type Tag struct{ Key, Value string }

// Vouched is what a provider says of someone, besides who it is.
type Vouched struct {
	// Keys are the condition keys that a request with the token carries, by
	// their full names in lower case.
	Keys           map[string][]string
	Tags           []Tag
	Transitive     []string // keys of tags
	SourceIdentity string
}
