package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/sallyport-iam/sallyport/internal/directory"
)

// Enabling is a passkey that the user of a browser's session wants to be an MFA
// device of a user.
type Enabling struct {
	// KeyID and SessionToken are credentials of the session.
	KeyID, SessionToken string
	// User is whose device it is to be; empty for the caller's own.
	User string
	// Serial is its serial number, and Credential what is kept of it. Both are
	// empty while it is only asked whether one may be made.
	Serial     string
	Credential []byte
}

// Refusal is why something was refused, as the API would have said it.
type Refusal struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	RequestID string `json:"requestId"`
	Status    int    `json:"-"` // of HTTP
}

// challengeLife is for how long a passkey may take to answer.
const challengeLife = 5 * time.Minute

// What challenges are for: to sign in, or to register a passkey of the user of
// that id.
const (
	toSignIn   = "sign-in"
	toRegister = "register/"
)

// deviceName is what a passkey may be called (as IAM's names are spelled).
var deviceName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)

// keptKey is what is kept of a passkey.
type keptKey struct {
	// Host is the relying party id: browsers use the key for that host only.
	Host string              `json:"host"`
	Key  webauthn.Credential `json:"key"`
}

// passkey is an authenticator of a user, as kept.
type passkey struct {
	serial string
	keptKey
}

// holder is a user as package webauthn knows users.
type holder struct {
	*directory.User
	keys []passkey // those for one host
}

func (h *holder) WebAuthnID() []byte { return []byte(h.ID) }

func (h *holder) WebAuthnName() string {
	if h.Root() {
		return "root of " + h.Account()
	}
	return h.Name + " of " + h.Account()
}

func (h *holder) WebAuthnDisplayName() string { return h.WebAuthnName() }

func (h *holder) WebAuthnCredentials() []webauthn.Credential {
	all := make([]webauthn.Credential, len(h.keys))
	for i, k := range h.keys {
		all[i] = k.Key
	}
	return all
}

// passkeys are the user's passkeys, of all hosts.
func (c *Console) passkeys(u *directory.User) ([]passkey, error) {
	kept, err := c.opts.Directory.Snapshot().Passkeys(u)
	if err != nil {
		return nil, err
	}
	all := make([]passkey, len(kept))
	for i, k := range kept {
		all[i].serial = k.Serial
		if err := json.Unmarshal(k.Credential, &all[i].keptKey); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// holder is the user with the passkeys that are for the host.
func (c *Console) holder(u *directory.User, host string) (*holder, error) {
	all, err := c.passkeys(u)
	if err != nil {
		return nil, err
	}
	h := &holder{User: u}
	for _, k := range all {
		if k.Host == host {
			h.keys = append(h.keys, k)
		}
	}
	return h, nil
}

// hostOf is the host that the browser has in its address bar, without the port.
func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return strings.ToLower(host)
}

// relyingParty is the console as passkeys know it: by the host that the browser
// has in its address bar. Browsers offer passkeys on TLS only, whether it ends
// here or before, and on the machine itself.
func relyingParty(r *http.Request) (*webauthn.WebAuthn, error) {
	host := hostOf(r)
	origins := []string{"https://" + r.Host}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		origins = append(origins, "http://"+r.Host)
	}
	return webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "Sallyport", RPOrigins: origins,
		AttestationPreference:  protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementDiscouraged, UserVerification: protocol.VerificationPreferred},
	})
}

// askPasskey gives the options by which a browser at the MFA step asks for a
// passkey: null, where the user has none for this host.
func (c *Console) askPasskey(w http.ResponseWriter, r *http.Request) {
	u, _ := c.atStep(w, r, stepMFA)
	if u == nil {
		return
	}
	rp, err := relyingParty(r)
	if err != nil {
		c.json(w, http.StatusOK, nil)
		return
	}
	h, err := c.holder(u, rp.Config.RPID)
	if err != nil {
		c.fail(w, err)
		return
	}
	if len(h.keys) == 0 {
		c.json(w, http.StatusOK, nil)
		return
	}
	options, begun, err := rp.BeginLogin(h)
	if err == nil {
		err = c.challenge(r, begun.Challenge, toSignIn)
	}
	if err != nil {
		c.fail(w, err)
		return
	}
	c.json(w, http.StatusOK, options.Response)
}

// challenge notes a challenge for the browser that asks.
func (c *Console) challenge(r *http.Request, text, purpose string) error {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return err
	}
	return c.opts.Directory.SetChallenge(r.Context(), cookie.Value, directory.Challenge{Text: text, For: purpose}, challengeLife)
}

// taken gives the challenge back, which nobody gets a second time.
func (c *Console) taken(r *http.Request, purpose string) (string, error) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return "", directory.ErrSignedOut
	}
	return c.opts.Directory.TakeChallenge(r.Context(), cookie.Value, purpose)
}

// errNotProven: what a browser says of a passkey doesn't hold.
var errNotProven = errors.New("the passkey has not proved itself")

// verifyPasskey verifies the answer to askPasskey and gives the serial number of
// the passkey. errNotProven.
func (c *Console) verifyPasskey(r *http.Request, u *directory.User, answer string) (serial string, err error) {
	challenge, err := c.taken(r, toSignIn)
	if errors.Is(err, directory.ErrSignedOut) {
		return "", errNotProven
	}
	if err != nil {
		return "", err
	}
	h, err := c.holder(u, hostOf(r))
	if err != nil {
		return "", err
	}
	for _, k := range h.keys {
		if claims(answer, k.Key.ID) {
			serial = k.serial
		}
	}
	if serial == "" {
		return "", errNotProven
	}
	return serial, c.opts.Directory.UsePasskey(r.Context(), u.Account(), u.ID, serial, func(kept []byte) ([]byte, error) {
		return answered(r, u, challenge, kept, answer)
	})
}

// claims reports whether an answer says to be of the credential.
func claims(answer string, id []byte) bool {
	var credential struct {
		RawID protocol.URLEncodedBase64 `json:"rawId"`
	}
	return json.Unmarshal([]byte(answer), &credential) == nil && bytes.Equal(credential.RawID, id)
}

// answered verifies a passkey's answer to a challenge against what is kept of
// it, and gives what is to be kept then. A counter that doesn't rise is a
// copy's. errNotProven.
func answered(r *http.Request, u *directory.User, challenge string, kept []byte, answer string) ([]byte, error) {
	var k keptKey
	if err := json.Unmarshal(kept, &k); err != nil {
		return nil, err
	}
	rp, err := relyingParty(r)
	if err != nil || k.Host != rp.Config.RPID {
		return nil, errNotProven
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return nil, errNotProven
	}
	h := &holder{u, []passkey{{keptKey: k}}}
	begun := webauthn.SessionData{Challenge: challenge, RelyingPartyID: k.Host, UserID: h.WebAuthnID(), UserVerification: protocol.VerificationPreferred}
	key, err := rp.ValidateLogin(h, begun, parsed)
	if err != nil || key.Authenticator.CloneWarning {
		return nil, errNotProven
	}
	return json.Marshal(keptKey{k.Host, *key})
}

// beginPasskey gives the options by which a browser makes a passkey for a user,
// where the caller may enable one.
func (c *Console) beginPasskey(w http.ResponseWriter, r *http.Request) {
	u, ask := c.enabling(w, r)
	if u == nil {
		return
	}
	rp, err := relyingParty(r)
	if err != nil {
		c.json(w, http.StatusBadRequest, &Refusal{Code: "ValidationError", Message: "Browsers make no passkeys for the host " + hostOf(r) + ": it must be localhost, or have a name of two parts."})
		return
	}
	if refusal := c.opts.Enable(r, ask); refusal != nil {
		c.json(w, refusal.Status, refusal)
		return
	}
	h, err := c.holder(u, rp.Config.RPID)
	if err != nil {
		c.fail(w, err)
		return
	}
	options, begun, err := rp.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()))
	if err == nil {
		err = c.challenge(r, begun.Challenge, toRegister+u.ID)
	}
	if err != nil {
		c.fail(w, err)
		return
	}
	c.json(w, http.StatusOK, options.Response)
}

// endPasskey takes the passkey that the browser made after beginPasskey, and
// makes it an MFA device.
func (c *Console) endPasskey(w http.ResponseWriter, r *http.Request) {
	u, ask := c.enabling(w, r)
	if u == nil {
		return
	}
	name := r.PostFormValue("name")
	if !deviceName.MatchString(name) {
		c.json(w, http.StatusBadRequest, &Refusal{Code: "ValidationError", Message: "The name of a device has 1 to 64 characters: letters, digits and + = , . @ - _"})
		return
	}
	challenge, err := c.taken(r, toRegister+u.ID)
	if err == nil {
		ask.Credential, err = made(r, u, challenge, r.PostFormValue("credential"))
	}
	if errors.Is(err, errNotProven) || errors.Is(err, directory.ErrSignedOut) {
		c.json(w, http.StatusBadRequest, &Refusal{Code: "InvalidAuthenticationCode", Message: "The passkey could not be verified. Please try again."})
		return
	}
	if err != nil {
		c.fail(w, err)
		return
	}
	ask.Serial = directory.PasskeySerial(c.opts.Rand, u, name)
	if refusal := c.opts.Enable(r, ask); refusal != nil {
		c.json(w, refusal.Status, refusal)
		return
	}
	c.json(w, http.StatusOK, map[string]string{"serialNumber": ask.Serial})
}

// made verifies what a browser says of a passkey that it made, and gives what is
// to be kept of it. errNotProven.
func made(r *http.Request, u *directory.User, challenge, answer string) ([]byte, error) {
	rp, err := relyingParty(r)
	if err != nil {
		return nil, errNotProven
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return nil, errNotProven
	}
	begun := webauthn.SessionData{
		Challenge: challenge, RelyingPartyID: rp.Config.RPID, UserID: []byte(u.ID), UserVerification: protocol.VerificationPreferred,
		CredParams: webauthn.CredentialParametersDefault(),
	}
	key, err := rp.CreateCredential(&holder{User: u}, begun, parsed)
	if err != nil {
		return nil, errNotProven
	}
	key.Attestation = webauthn.CredentialAttestation{} // nobody asks for it again
	return json.Marshal(keptKey{rp.Config.RPID, *key})
}

// enabling is whose MFA device a passkey is to be, and the credentials of who
// asks for it; nil, where that was answered with why not.
func (c *Console) enabling(w http.ResponseWriter, r *http.Request) (*directory.User, Enabling) {
	caller, in := c.browser(r)
	if caller == nil || in.Step != "" {
		c.json(w, http.StatusForbidden, &Refusal{Code: "ExpiredToken", Message: "You are not signed in any more."})
		return nil, Enabling{}
	}
	cookie, _ := r.Cookie(sessionCookie)
	s, token, err := c.opts.Directory.ConsoleCredentials(cookie.Value, time.Minute)
	if err != nil {
		c.fail(w, err)
		return nil, Enabling{}
	}
	ask := Enabling{KeyID: s.KeyID, SessionToken: token, User: r.PostFormValue("user")}
	if ask.User == "" {
		return caller, ask
	}
	u, err := c.opts.Directory.Snapshot().User(caller.Account(), ask.User)
	if err == nil {
		return u, ask
	}
	// Who may do it is told that there is no such user.
	refusal := c.opts.Enable(r, ask)
	if refusal == nil {
		refusal = &Refusal{Code: "NoSuchEntity", Message: "The user with name " + ask.User + " cannot be found.", Status: http.StatusNotFound}
	}
	c.json(w, refusal.Status, refusal)
	return nil, Enabling{}
}

// json answers a script of the console's.
func (c *Console) json(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		c.opts.Log.Debug("answer not sent", "error", err)
	}
}
