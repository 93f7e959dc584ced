package gate

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// region is what a credential scope may name as the region: any that has the
// form of one, since clients with an endpoint of their own sign global services
// for whichever region they are set to.
var region = regexp.MustCompile(`^(?:aws(?:-[a-z]+)*-global|[a-z]{2,3}(?:-[a-z]+){1,3}-[0-9]{1,2})$`)

// scope says what a credential scope may name.
func scope(_ *http.Request, name, _ string) (bool, string) {
	return knownRegions[name] || region.MatchString(name), ""
}

// knownRegions spares the usual regions the regular expression.
var knownRegions = map[string]bool{"us-east-1": true, "us-east-2": true, "us-west-1": true, "us-west-2": true, "eu-west-1": true, "eu-central-1": true, "aws-global": true}

// readBody reads the whole body, which must not be larger than MaxBody.
func (c *call) readBody() error {
	limit := c.g.opts.MaxBody
	if c.r.ContentLength > limit {
		return errTooLarge(limit)
	}
	if c.r.ContentLength == 0 {
		return nil
	}
	if c.r.ContentLength > 0 {
		c.body = make([]byte, c.r.ContentLength)
		if _, err := io.ReadFull(c.r.Body, c.body); err != nil {
			return errBody
		}
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, limit+1))
	if err != nil {
		return errBody
	}
	if int64(len(body)) > limit {
		return errTooLarge(limit)
	}
	c.body = body
	return nil
}

func errTooLarge(limit int64) error {
	return awsapi.Code("RequestEntityTooLarge").New("The request body is larger than %d bytes, the most that is read here.", limit)
}

var errBody = awsapi.Code("IncompleteBody").New("The request body could not be read to its declared end.")

// routed is the request as it is to be routed: for S3 with the bucket in the
// path where the host named it, for all others under the normal form of the
// path, which is what was signed.
func (c *call) routed() *http.Request {
	p := c.r.URL.EscapedPath()
	to := p
	if c.sig != nil && c.sig.Service == "s3" {
		if bucket := bucketOfHost(c.r.Host); bucket != "" {
			to = "/" + bucket + p
		}
	} else if p != "/" {
		to = normalPath(p)
	}
	if to == p {
		return c.r
	}
	u, err := url.ParseRequestURI(to)
	if err != nil {
		return c.r
	}
	u.RawQuery = c.r.URL.RawQuery
	routed := *c.r
	routed.URL = u
	return &routed
}

// normalPath is path without dots and doubled slashes; a slash at its end stays.
func normalPath(p string) string {
	to := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && to != "/" {
		to += "/"
	}
	return to
}

// bucketOfHost is the bucket in a host such as bucket.s3.example.com or
// bucket.localhost, or "".
func bucketOfHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if i := strings.Index(host, ".s3."); i > 0 {
		return host[:i]
	}
	bucket, ok := strings.CutSuffix(host, ".localhost")
	if !ok || bucket == "s3" {
		return ""
	}
	return bucket
}

// sourceIP is the address that the request came from, or "".
func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	if strings.HasPrefix(host, "::ffff:") { // IPv4 on an IPv6 socket
		if a, err := netip.ParseAddr(host); err == nil {
			return a.Unmap().String()
		}
	}
	return host
}
