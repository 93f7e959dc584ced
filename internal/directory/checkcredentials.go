package directory

import (
	"slices"
	"strings"
)

// checkCredentials checks what a user has besides access keys against the
// records that stand for it.
func (c *Checker) checkCredentials(r *Record, account string, u *User) {
	for _, m := range u.MFA {
		if rest, passkey := strings.CutPrefix(m.Serial, passkeyPrefix(account)); passkey {
			if p, ok := find[Passkey](c, recordKey(account, kindPasskey, rest)); !ok || p.Owner != u.ID {
				c.wrong(r.Key, "there is no authenticator %s of it", m.Serial)
			}
			continue
		}
		rest := strings.TrimPrefix(m.Serial, mfaPrefix(account))
		if v, ok := find[MFADevice](c, recordKey(account, kindMFA, rest)); !ok || v.Owner != u.ID {
			c.wrong(r.Key, "there is no MFA device %s of it", m.Serial)
		}
	}
	for _, cert := range u.Certificates {
		c.value(r.Key, recordKey(account, kindSigningCert, cert.SHA256), u.ID)
	}
}

func (c *Checker) checkMFA(r *Record, account, rest string) {
	v := new(MFADevice)
	if !c.readable(r, v) {
		return
	}
	v.loaded(r)
	serial := mfaPrefix(account) + rest
	if v.Serial() != serial {
		c.wrong(r.Key, "says to be MFA device %q", v.Serial())
	}
	if v.Owner != "" {
		c.ownsMFA(r, account, v.Owner, serial)
	}
	c.opensFor(r, v.Sealed, mfaContext(serial))
}

// ownsMFA checks that the user has the device that the record is of.
func (c *Checker) ownsMFA(r *Record, account, owner, serial string) {
	u, ok := find[User](c, recordKey(account, kindUser, owner))
	if !ok || !slices.ContainsFunc(u.MFA, func(m EnabledMFA) bool { return m.Serial == serial }) {
		c.wrong(r.Key, "user %q does not have it", owner)
	}
}

func (c *Checker) checkPasskey(r *Record, account, rest string) {
	p := new(Passkey)
	if !c.readable(r, p) {
		return
	}
	serial := passkeyPrefix(account) + rest
	if p.Serial != serial {
		c.wrong(r.Key, "says to be authenticator %q", p.Serial)
	}
	c.ownsMFA(r, account, p.Owner, serial)
}

// opensFor checks that what a record holds sealed opens for that context.
func (c *Checker) opensFor(r *Record, sealed []byte, context string) {
	if !c.opens {
		return
	}
	if _, err := c.box.Open(sealed, context); err != nil {
		c.wrong(r.Key, "its secret does not open: it was changed, or sealed for another key or by another key ring")
	}
}

func (c *Checker) checkSignIn(r *Record, account, id string) {
	c.readable(r, new(passwordUse))
	if c.records[recordKey(account, kindUser, id)] == nil {
		c.wrong(r.Key, "there is no user %q", id)
	}
}

func (c *Checker) checkBrowsers(r *Record, account, id string) {
	c.readable(r, new(signIns))
	if c.records[recordKey(account, kindUser, id)] == nil {
		c.wrong(r.Key, "there is no user %q", id)
	}
}

func (c *Checker) checkSigningCert(r *Record, account, sum string) {
	u, ok := find[User](c, recordKey(account, kindUser, string(r.Value)))
	if !ok || !slices.ContainsFunc(u.Certificates, func(s SigningCert) bool { return s.SHA256 == sum }) {
		c.wrong(r.Key, "user %q does not have this certificate", r.Value)
	}
}

func (c *Checker) checkServerCert(r *Record, account, id string) {
	s := new(ServerCert)
	if !c.readable(r, s) {
		return
	}
	if s.ID != id {
		c.wrong(r.Key, "says to be server certificate %q", s.ID)
	}
	c.checkKeptID(r, account, id)
	c.value(r.Key, recordKey(account, kindServerCertName, fold(s.Name)), string(nameRecord(id, s.Path)))
	c.opensFor(r, s.Sealed, serverCertContext(id))
}

func (c *Checker) checkServerCertName(r *Record, account, name string) {
	s, ok := find[ServerCert](c, recordKey(account, kindServerCert, r.name().id))
	if !ok || fold(s.Name) != name || s.Path != r.name().path {
		c.wrong(r.Key, "server certificate %q does not have this name and path", r.name().id)
	}
}

func (c *Checker) checkOIDC(r *Record, _, url string) {
	p := new(OIDCProvider)
	if c.readable(r, p) && p.URL != url {
		c.wrong(r.Key, "says to be provider %q", p.URL)
	}
}

func (c *Checker) checkSAML(r *Record, account, name string) {
	p := new(SAMLProvider)
	if !c.readable(r, p) {
		return
	}
	if p.Name != name {
		c.wrong(r.Key, "says to be provider %q", p.Name)
	}
	if c.records[recordKey(account, kindSAMLDoc, name)] == nil {
		c.wrong(r.Key, "there is no metadata document of it")
	}
	for _, k := range p.Keys {
		c.opensFor(r, k.Sealed, samlContext(name, k.ID))
	}
}

func (c *Checker) checkSAMLDoc(r *Record, account, name string) {
	p, ok := find[SAMLProvider](c, recordKey(account, kindSAML, name))
	if !ok || p.Sum != sumOf(r.Value) {
		c.wrong(r.Key, "is not the document that provider %q has", name)
	}
}
