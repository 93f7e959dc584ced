package gate

import (
	"crypto/tls"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
	"github.com/sallyport-iam/sallyport/sigv4"
)

// setKeys sets the condition keys that the request carries (docs/facts, policy
// language, 7). Those of one resource follow in setResource.
func (c *call) setKeys() {
	k, p := &c.keys, &c.caller.Principal
	if p.Session != nil {
		c.setClaims(p.Session.Keys) // first: none of them may stand for what follows
	}
	if p.External != nil {
		c.setClaims(p.External.Keys)
	} else {
		k.Set("aws:PrincipalArn", p.EntityARN())
		k.Set("aws:PrincipalAccount", p.Account())
		c.setPrincipalOrg()
		k.Set("aws:userid", p.ID())
	}
	k.Set("aws:PrincipalType", p.Type())
	if p.User != nil && !p.Root() {
		k.Set("aws:username", p.User.Name)
	}
	k.Set("aws:PrincipalIsAWSService", "false")
	k.Set("aws:ViaAWSService", "false")
	k.Set("aws:RequestedRegion", c.caller.Region)
	k.SetTime("aws:CurrentTime", c.now)
	k.SetTime("aws:EpochTime", c.now)
	if ip := sourceIP(c.r); ip != "" {
		k.Set("aws:SourceIp", ip)
	}
	k.Set("aws:SecureTransport", text(c.r.TLS != nil))
	if agent := c.r.UserAgent(); agent != "" {
		k.Set("aws:UserAgent", agent)
	}
	if referer := c.r.Referer(); referer != "" {
		k.Set("aws:referer", referer)
	}
	p.EachTag(func(t directory.Tag) { k.SetTag("aws:PrincipalTag", t.Key, t.Value) })
	if p.Session != nil {
		c.setSessionKeys(p.Session)
	}
	c.setActionKeys()
	if c.op != nil && c.op.Context != nil {
		c.op.Context(&c.caller, c.in, k)
	}
	for key, v := range c.more {
		k.Set(key, v)
	}
}

// setClaims sets the keys that a session by another provider carries.
func (c *call) setClaims(keys map[string][]string) {
	for key, values := range keys {
		if policy.Multivalued(key) || len(values) != 1 {
			c.keys.SetValues(key, values...)
		} else {
			c.keys.Set(key, values[0])
		}
	}
}

// setSessionKeys sets the keys that only temporary credentials carry.
func (c *call) setSessionKeys(s *directory.Session) {
	k := &c.keys
	k.SetTime("aws:TokenIssueTime", s.Issued)
	k.Set("aws:MultiFactorAuthPresent", text(!s.MFA.IsZero()))
	if !s.MFA.IsZero() {
		k.Set("aws:MultiFactorAuthAge", strconv.FormatInt(int64(max(0, c.now.Sub(s.MFA))/time.Second), 10))
	}
	if s.SourceIdentity != "" {
		k.Set("aws:SourceIdentity", s.SourceIdentity)
	}
	if s.Kind == directory.RootSession {
		k.Set("aws:AssumedRoot", "true")
	}
}

// setActionKeys sets the keys that the authorization reference gives the action.
func (c *call) setActionKeys() {
	if c.target.Operation == nil || c.target.Operation.Action == nil {
		return
	}
	for _, key := range c.target.Operation.Action.Keys {
		switch {
		case key == "ec2:Region":
			c.keys.Set(key, c.sig.Region)
		case strings.HasPrefix(key, "s3:"):
			if v, ok := c.s3Key(strings.TrimPrefix(key, "s3:")); ok {
				c.keys.Set(key, v)
			}
		case c.op == nil:
		case key == "aws:RequestTag/${TagKey}" && c.op.Tags != nil:
			for _, t := range c.op.Tags(c.in) {
				c.keys.SetTag("aws:RequestTag", t.Key, t.Value)
			}
		case key == "aws:TagKeys" && c.op.TagKeys != nil:
			if keys := c.op.TagKeys(c.in); len(keys) > 0 {
				c.keys.SetValues(key, keys...)
			}
		case c.op.Key != nil:
			if v, ok := c.op.Key(key, &c.caller, c.in); ok {
				c.keys.Set(key, v)
			}
		}
	}
}

// s3Key gives S3's condition keys that a request carries by itself: those named
// as its headers and query parameters are, and how it is signed.
func (c *call) s3Key(name string) (string, bool) {
	switch name {
	case "ResourceAccount":
		return c.caller.Account(), true
	case "signatureversion":
		return sigv4.Algorithm, true
	case "authType":
		if c.sig.Presigned {
			return "REST-QUERY-STRING", true
		}
		return "REST-HEADER", true
	case "signatureAge":
		return strconv.FormatInt(c.now.Sub(c.sig.Time).Milliseconds(), 10), c.sig.Presigned
	case "TlsVersion":
		if c.r.TLS == nil || c.r.TLS.Version == 0 { // not known where it ended at a proxy
			return "", false
		}
		return strings.TrimPrefix(tls.VersionName(c.r.TLS.Version), "TLS "), true
	case "VersionId":
		name = "versionId"
	}
	if strings.HasPrefix(name, "x-amz-") {
		v := c.r.Header.Get(name)
		return v, v != ""
	}
	query := c.r.URL.Query()
	return query.Get(name), query.Has(name)
}

// setResource sets the keys of one resource, in place of the last one's.
func (c *call) setResource(t *service.Target) {
	if t.ARN == "*" && !c.resource {
		return
	}
	if c.tagged || t.ARN == "*" {
		// The keys of the resource before must not stand for this one.
		c.resetKeys()
	}
	if t.ARN == "*" {
		return
	}
	c.keys.Set("aws:ResourceAccount", c.owner(t))
	c.setResourceOrg(c.owner(t))
	c.resource = true
	for _, tag := range t.Tags {
		c.keys.SetTag("aws:ResourceTag", tag.Key, tag.Value)
		if c.sig.Service == "iam" || c.sig.Service == "sts" {
			c.keys.SetTag("iam:ResourceTag", tag.Key, tag.Value)
		}
		c.tagged = true
	}
}

// resetKeys sets the condition keys anew, without those of a resource.
func (c *call) resetKeys() {
	c.keys.Reset()
	c.resource, c.tagged = false, false
	c.setKeys()
}

func text(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
