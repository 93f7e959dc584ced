package federation

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// algorithms are those that tokens may be signed with. None of them takes a
// shared secret, so that no public key can be taken for one.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

// Token is an ID token that was read, but not verified.
type Token struct {
	// Issuer is the claim iss as it stands in the token.
	Issuer string

	jwt    *jwt.JSONWebToken
	claims map[string]any
}

// What is wrong with tokens (docs/facts, 10.4).
const (
	msgNotJWT    = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	msgAudience  = "Incorrect token audience"
	msgAudiences = "Token audience contains more than one audience while authorized party is not present"
	msgNoKey     = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	msgSignature = "The ID Token provided is not signed by its issuer."
	msgNotYet    = "The ID Token provided is not valid yet."
	msgClaims    = "The ID Token provided has claims that differ only in case."
	msgSession   = "The ID Token provided has session tags or a source identity in a form that can't be read."
)

// ParseToken reads an ID token in its compact form. *Refused.
func ParseToken(text string) (*Token, error) {
	// The three parts of the compact form are all that base64 without padding
	// has; line breaks in it are not.
	if strings.Count(text, ".") != 2 {
		return nil, refused(msgNotJWT)
	}
	parsed, err := jwt.ParseSigned(text, algorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return nil, &Refused{Text: msgNotJWT, Err: err}
	}
	t := &Token{jwt: parsed}
	// This decoder tells keys apart by case, and refuses an object that has one twice.
	if err := parsed.UnsafeClaimsWithoutVerification(&t.claims); err != nil || t.claims == nil {
		return nil, &Refused{Text: msgNotJWT, Err: err}
	}
	if t.Issuer = t.text("iss"); t.Issuer == "" {
		return nil, missingClaim("iss")
	}
	return t, nil
}

func missingClaim(name string) error { return refused("Missing a required claim: " + name + ".") }

func (t *Token) text(claim string) string {
	s, _ := t.claims[claim].(string)
	return s
}

// time gives a claim that is a time in seconds.
func (t *Token) time(claim string) (time.Time, bool) {
	seconds, ok := t.claims[claim].(float64)
	if !ok || seconds <= 0 || seconds > maxTime {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

const (
	maxTime = 1 << 40 // seconds; later than anything that is meant
	maxSkew = time.Minute
)

// Provider is an OpenID Connect provider as an account has it.
type Provider struct {
	URL         string // the issuer, without https://
	ClientIDs   []string
	Thumbprints []string // SHA-1 of certificates, in hexadecimal
}

// Identity is what a verified ID token says.
type Identity struct {
	Subject  string
	Audience string // the authorized party, where the token names one
	Vouched
}

// Verify verifies a token of the provider: that it is meant for one of the
// provider's clients, is in its time, and was signed with one of the provider's
// keys. *Refused, or the error of ctx.
func (k *Keys) Verify(ctx context.Context, t *Token, p Provider) (*Identity, error) {
	if url, ok := k.ProviderURL(t.Issuer); !ok || url != p.URL {
		return nil, refused(msgNoKey)
	}
	id := &Identity{Subject: t.text("sub")}
	if id.Subject == "" {
		return nil, missingClaim("sub")
	}
	var err error
	if id.Audience, err = t.audience(p.ClientIDs); err != nil {
		return nil, err
	}
	if err := t.timely(k.opts.Now()); err != nil {
		return nil, err
	}
	if err := k.signed(ctx, t, p); err != nil {
		return nil, err
	}
	if id.Vouched, err = t.vouched(p.URL, id.Audience); err != nil {
		return nil, err
	}
	return id, nil
}

// audience gives the client that the token was issued for, which must be one
// of those.
func (t *Token) audience(clients []string) (string, error) {
	var all []string
	switch aud := t.claims["aud"].(type) {
	case string:
		all = []string{aud}
	case []any:
		all = texts(aud)
	}
	party := t.text("azp")
	switch {
	case len(all) == 0 || all[0] == "":
		return "", missingClaim("aud")
	case party == "" && len(all) > 1:
		return "", refused(msgAudiences)
	case party == "":
		party = all[0]
	}
	if !slices.Contains(clients, party) {
		return "", refused(msgAudience)
	}
	return party, nil
}

// timely refuses a token that has expired or whose time has not come.
func (t *Token) timely(now time.Time) error {
	issued, ok := t.time("iat")
	if !ok {
		return missingClaim("iat")
	}
	expires, ok := t.time("exp")
	if !ok {
		return missingClaim("exp")
	}
	if !now.Before(expires) {
		return &Refused{Expired: true, Text: fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), expires.Unix())}
	}
	notBefore, ok := t.time("nbf")
	if _, has := t.claims["nbf"]; has && !ok {
		return refused(msgNotYet)
	}
	if latest := now.Add(maxSkew); issued.After(latest) || notBefore.After(latest) {
		return refused(msgNotYet)
	}
	return nil
}

// signed verifies the signature with the keys of the provider.
func (k *Keys) signed(ctx context.Context, t *Token, p Provider) error {
	h := t.jwt.Headers[0]
	keys, err := k.find(ctx, t.Issuer, p, h.KeyID, h.Algorithm)
	if err != nil {
		return err
	}
	for _, key := range keys {
		var claims map[string]any
		if t.jwt.Claims(key.Key, &claims) == nil {
			return nil
		}
	}
	return refused(msgSignature)
}

// texts are the texts of a list.
func texts(list []any) []string {
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

const (
	maxClaims = 100 // that become condition keys

	claimTags       = "https://aws.amazon.com/tags"
	claimTagPrefix  = claimTags + "/principal_tags/"
	claimTransitive = claimTags + "/transitive_tag_keys"
	claimSource     = "https://aws.amazon.com/source_identity"
)

// vouched gives what the token says besides who its subject is.
func (t *Token) vouched(url, audience string) (v Vouched, err error) {
	if v.Keys, err = t.keys(url, audience); err != nil {
		return v, err
	}
	if err := t.tags(&v); err != nil {
		return v, err
	}
	if source, has := t.claims[claimSource]; has {
		if v.SourceIdentity, has = source.(string); !has {
			return v, refused(msgSession)
		}
	}
	return v, nil
}

// keys are the token's claims as condition keys: ISSUER:CLAIM.
//
// Condition keys don't tell case apart, but claims do: what differs only in case
// is refused, or a claim that the subject chooses could stand for another one.
func (t *Token) keys(url, audience string) (map[string][]string, error) {
	prefix := strings.ToLower(url) + ":"
	keys := map[string][]string{}
	for claim, v := range t.claims {
		values := claimValues(v)
		if len(values) == 0 || strings.HasPrefix(claim, "https://aws.amazon.com/") {
			continue
		}
		key := prefix + strings.ToLower(claim)
		if keys[key] != nil {
			return nil, refused(msgClaims)
		}
		keys[key] = values
	}
	if len(keys) > maxClaims || bareHost(url) {
		// An issuer such as https://aws would speak for the keys of AWS itself.
		keys = map[string][]string{}
	}
	if strings.EqualFold(url, "saml") {
		return keys, nil
	}
	if aud := t.text("aud"); aud != "" && aud != audience {
		keys[prefix+"oaud"] = []string{aud}
	}
	keys[prefix+"aud"] = []string{audience}
	keys[prefix+"sub"] = []string{t.text("sub")}
	return keys, nil
}

// bareHost reports whether an issuer is a host of one name, and nothing else.
func bareHost(url string) bool { return !strings.ContainsAny(url, ".:/") }

// claimValues are a claim's values as a condition sees them; nil where it is
// neither text, number or boolean, nor a list of texts.
func claimValues(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case bool:
		return []string{strconv.FormatBool(v)}
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	case []any:
		if all := texts(v); len(all) == len(v) {
			return all
		}
	}
	return nil
}

// tags reads the session tags: as one claim that is an object, or as a claim for
// each tag, which some providers can do only.
func (t *Token) tags(v *Vouched) error {
	given := map[string]any{}
	transitive, _ := t.claims[claimTransitive].([]any)
	if nested, has := t.claims[claimTags]; has {
		object, ok := nested.(map[string]any)
		if !ok {
			return refused(msgSession)
		}
		principal, ok := object["principal_tags"].(map[string]any)
		if !ok && object["principal_tags"] != nil {
			return refused(msgSession)
		}
		given = principal
		transitive, _ = object["transitive_tag_keys"].([]any)
	}
	for claim, value := range t.claims {
		if key, ok := strings.CutPrefix(claim, claimTagPrefix); ok && t.claims[claimTags] == nil {
			given[key] = value
		}
	}
	for key, value := range given {
		values := claimValues(value)
		if len(values) != 1 {
			return refused(msgSession)
		}
		v.Tags = append(v.Tags, Tag{key, values[0]})
	}
	sort.Slice(v.Tags, func(i, j int) bool { return v.Tags[i].Key < v.Tags[j].Key })
	if v.Transitive = texts(transitive); len(v.Transitive) != len(transitive) {
		return refused(msgSession)
	}
	return nil
}
