package gate

import (
	"crypto/tls"
	"strconv"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/sigv4"
)

// setKeys sets the condition keys that the request carries (docs/facts, policy
// language, 7). Those of one resource follow in setResourceTags.
func (c *call) setKeys() {
	k, u := &c.keys, c.caller.User
	k.Set("aws:PrincipalArn", u.ARN())
	k.Set("aws:PrincipalAccount", u.Account())
	k.Set("aws:userid", u.ID)
	if u.Root() {
		k.Set("aws:PrincipalType", "Account")
	} else {
		k.Set("aws:PrincipalType", "User")
		k.Set("aws:username", u.Name)
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
	for _, t := range u.Tags {
		k.SetTag("aws:PrincipalTag", t.Key, t.Value)
	}
	if s := c.caller.Session; s != nil {
		k.SetTime("aws:TokenIssueTime", s.Issued)
		k.Set("aws:MultiFactorAuthPresent", "false")
	}
	c.setActionKeys()
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
		if c.r.TLS == nil {
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

// setResourceTags sets the keys of one resource's tags, in place of the last one's.
func (c *call) setResourceTags(tags []directory.Tag) {
	if len(tags) == 0 && !c.tagged {
		return
	}
	if c.tagged {
		// The keys of the resource before must not stand for this one.
		c.keys.Reset()
		c.tagged = false
		c.setKeys()
		c.keys.Set("aws:ResourceAccount", c.caller.Account())
	}
	for _, t := range tags {
		c.keys.SetTag("aws:ResourceTag", t.Key, t.Value)
		if strings.HasPrefix(c.sig.Service, "iam") {
			c.keys.SetTag("iam:ResourceTag", t.Key, t.Value)
		}
		c.tagged = true
	}
}

func text(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
