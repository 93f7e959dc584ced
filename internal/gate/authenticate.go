package gate

import (
	"errors"
	"io"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// What can be wrong with credentials, besides the signature.
var (
	errUnknownKey   = errors.New("no active access key of that id")
	errBadToken     = errors.New("session token is missing, wrong or of another key")
	errExpiredToken = errors.New("session has expired")
)

// authenticate finds the caller by the key, and verifies that they signed.
// An unknown key, an inactive one and a wrong token can't be told apart.
func (c *call) authenticate() error {
	if c.caller.Known() || c.unsigned {
		return nil
	}
	snap, err := c.snapshot()
	if err != nil {
		return err
	}
	c.caller = service.Caller{Snapshot: snap, Region: c.regionOf()}
	secret, err := c.secretCaughtUp()
	if err != nil {
		c.caller.Principal = directory.Principal{}
		return err
	}
	if err := c.verify(secret); err != nil {
		c.caller.Principal = directory.Principal{}
		return err
	}
	if c.caller.Session == nil {
		c.caller.Credential.Touch(c.now, c.sig.Service, c.caller.Region)
	} else {
		c.g.opts.Directory.Touch(&c.caller.Principal, c.now, c.sig.Service, c.caller.Region)
	}
	c.noteAccess()
	return nil
}

// noteAccess notes the service and, where it is one that is tracked, the action
// that the caller asks for. Nothing is noted that the models don't know.
func (c *call) noteAccess() {
	name, action := c.sig.Service, ""
	if op := c.target.Operation; op != nil && op.Action != nil {
		name = op.Action.Prefix
		if op.Action.Tracked() {
			action = op.Action.Name
		}
	} else if awsapi.LookupAuthorization(name) == nil {
		return
	}
	c.g.opts.Directory.NoteAccess(&c.caller.Principal, &c.caller.Credential, c.now, name, action, c.caller.Region)
}

// regionOf is the region that the request is for. IAM has only one: clients with
// an endpoint of their own sign it for the region that they are set to, which
// must not choose what policies and the last use of keys say.
func (c *call) regionOf() string {
	if c.sig.Service == "iam" {
		return "us-east-1"
	}
	return c.sig.Region
}

// secret finds who the key belongs to and gives its secret.
func (c *call) secret() (string, error) {
	if c.sig.SessionToken != "" {
		return c.sessionSecret()
	}
	cred, ok, err := c.caller.Snapshot.Credential(c.sig.KeyID)
	if err != nil {
		return "", err
	}
	if !ok || !cred.Active {
		return "", errUnknownKey
	}
	c.caller.Principal, c.caller.Credential = directory.Principal{User: cred.Owner}, cred
	return cred.Secret()
}

// sessionSecret opens a session token. It needs no stored session, only the
// user or role that the session acts as.
func (c *call) sessionSecret() (string, error) {
	s, err := c.g.opts.Directory.OpenSession(c.sig.SessionToken)
	if errors.Is(err, seal.ErrToken) || err == nil && s.KeyID != c.sig.KeyID {
		return "", errBadToken
	}
	if err != nil {
		return "", err
	}
	if !c.now.Before(s.Expires) {
		return "", errExpiredToken
	}
	p, err := c.caller.Snapshot.PrincipalOf(s)
	if err != nil {
		return "", errUnknownKey // the user or role was deleted
	}
	if c.sig.Service == "iam" && !mayCallIAM(s) {
		return "", errBadToken
	}
	c.caller.Principal = p
	return s.Secret, nil
}

// mayCallIAM reports whether a session may call IAM at all (docs/facts, 2.1 and
// 10.1): not one that a user made for itself without MFA, and no federated user's.
func mayCallIAM(s *directory.Session) bool {
	switch s.Kind {
	case directory.UserSession:
		return !s.MFA.IsZero() || s.Delegated != ""
	case directory.FederatedSession:
		return false
	}
	return true
}

func (c *call) verify(secret string) error {
	if !c.streams() {
		return c.g.verifier.Verify(c.r, c.sig, secret, c.body)
	}
	body, err := c.g.verifier.VerifyStream(c.r, c.sig, secret)
	if err != nil {
		return err
	}
	if c.r.ContentLength > 0 && c.r.ContentLength <= c.g.opts.MaxBody {
		// A body of moderate size is verified before anything is done.
		if _, err := io.Copy(io.Discard, body); err != nil {
			return err
		}
	}
	return nil
}
