package test

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// attack is one request that must be refused with that status and code; text is
// a part of the message.
type attack struct {
	name   string
	make   func(b *battlefield) *rawRequest
	status int
	code   string
	text   string
}

const mismatch = "The request signature we calculated does not match the signature you provided."

var attacks = []attack{
	// Forged.
	{"nothing signed", func(b *battlefield) *rawRequest { return b.create() }, 403, "MissingAuthenticationToken", "Request is missing Authentication Token"},
	{"signature flipped", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.set("Authorization", r.get("Authorization")[:len(r.get("Authorization"))-4]+"0bad")
		return r
	}, 403, "SignatureDoesNotMatch", mismatch},
	{"signature empty", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		before, _, _ := strings.Cut(r.get("Authorization"), "Signature=")
		r.set("Authorization", before+"Signature=")
		return r
	}, 400, "IncompleteSignature", "Authorization header requires 'Signature' parameter."},
	{"wrong secret", func(b *battlefield) *rawRequest {
		r := b.create()
		r.keys.Secret = b.plain.keys.Secret
		return r.sign()
	}, 403, "SignatureDoesNotMatch", mismatch},
	{"empty secret", func(b *battlefield) *rawRequest {
		r := b.create()
		r.keys.Secret = ""
		return r.sign()
	}, 403, "SignatureDoesNotMatch", mismatch},
	{"another algorithm", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.set("Authorization", strings.Replace(r.get("Authorization"), "AWS4-HMAC-SHA256", "AWS4-NONE", 1))
		return r
	}, 400, "IncompleteSignature", "Unsupported AWS 'algorithm': 'AWS4-NONE'."},
	{"basic authentication", func(b *battlefield) *rawRequest {
		r := b.create()
		r.add("Authorization", "Basic YWRtaW46YWRtaW4=")
		return r
	}, 400, "IncompleteSignature", ""},
	{"another's key id", func(b *battlefield) *rawRequest {
		r := b.create()
		r.keys = b.plain.keys
		r.sign()
		r.set("Authorization", strings.Replace(r.get("Authorization"), b.plain.keys.ID, b.admin.keys.ID, 1))
		return r
	}, 403, "SignatureDoesNotMatch", mismatch},

	// Replayed, early and late.
	{"replayed late", func(b *battlefield) *rawRequest {
		r := b.create()
		r.at = time.Now().Add(-16 * time.Minute)
		return r.sign()
	}, 403, "SignatureDoesNotMatch", "Signature expired: "},
	{"from the future", func(b *battlefield) *rawRequest {
		r := b.create()
		r.at = time.Now().Add(16 * time.Minute)
		return r.sign()
	}, 403, "SignatureDoesNotMatch", "Signature not yet current: "},
	{"replayed with a new date", func(b *battlefield) *rawRequest {
		r := b.create()
		r.at = time.Now().Add(-16 * time.Minute)
		r.sign()
		r.set("X-Amz-Date", time.Now().UTC().Format("20060102T150405Z"))
		return r
	}, 403, "SignatureDoesNotMatch", ""},
	{"no date that can be read", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.set("X-Amz-Date", "yesterday")
		return r
	}, 400, "IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got 'yesterday'."},

	// Wrongly scoped.
	{"no region", func(b *battlefield) *rawRequest {
		r := b.create()
		r.region = "nowhere"
		return r.sign()
	}, 403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region. "},
	{"another terminator", func(b *battlefield) *rawRequest {
		r := b.create()
		r.last = "aws5_request"
		return r.sign()
	}, 403, "SignatureDoesNotMatch", "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."},
	{"another day", func(b *battlefield) *rawRequest {
		r := b.create()
		r.day = "20200101"
		return r.sign()
	}, 403, "SignatureDoesNotMatch", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20200101' != '"},
	{"scope of four parts", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.set("Authorization", strings.Replace(r.get("Authorization"), "/us-east-1/", "/", 1))
		return r
	}, 400, "IncompleteSignature", "Credential must have exactly 5 slash-delimited elements"},
	{"signed for STS, an IAM operation", func(b *battlefield) *rawRequest {
		r := b.create()
		r.keys, r.service = b.plain.keys, "sts"
		return r.sign()
	}, 403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'iam'. "},
	{"signed for EC2, an IAM operation", func(b *battlefield) *rawRequest {
		r := b.create()
		r.keys, r.service = b.plain.keys, "ec2"
		return r.sign()
	}, 403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'iam'. "},
	{"signed for DynamoDB, an IAM operation", func(b *battlefield) *rawRequest {
		r := b.create()
		r.keys, r.service = b.plain.keys, "dynamodb"
		return r.sign()
	}, 403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'iam'. "},
	{"signed for IAM, another service's operation", func(b *battlefield) *rawRequest {
		r := formRequest(b.server, b.admin.keys, "iam", url.Values{"Action": {"DescribeInstances"}})
		return r.sign()
	}, 400, "InvalidAction", ""},
	{"signed for S3, with IAM's form", func(b *battlefield) *rawRequest {
		r := b.create()
		r.keys, r.service = b.plain.keys, "s3"
		r.add("X-Amz-Content-Sha256", hash(r.body))
		return r.sign()
	}, 403, "AccessDenied", ""},
	{"signed for IAM, S3's path", func(b *battlefield) *rawRequest {
		r := b.create()
		r.method, r.target, r.body = "PUT", "/bucket/key", "text"
		return r.sign()
	}, 400, "", ""},

	// Not all signed.
	{"Host not signed", func(b *battlefield) *rawRequest {
		r := b.create()
		r.only = []string{"content-type", "x-amz-date"}
		return r.sign()
	}, 403, "SignatureDoesNotMatch", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
	{"another Host", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.set("Host", "iam.amazonaws.com")
		return r
	}, 403, "SignatureDoesNotMatch", mismatch},
	{"an x-amz header that is not signed", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.add("X-Amz-Target", "AWSIdentityManagement.DeleteUser")
		return r
	}, 403, "SignatureDoesNotMatch", ""},
	{"body changed", func(b *battlefield) *rawRequest {
		r := b.identity(b.admin.keys).sign()
		r.body = b.create().body
		return r
	}, 403, "SignatureDoesNotMatch", mismatch},
	{"body emptied", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.body = ""
		return r
	}, 403, "SignatureDoesNotMatch", ""},
	{"query added", func(b *battlefield) *rawRequest {
		r := b.identity(b.admin.keys).sign()
		r.target = "/?Action=CreateUser&UserName=evil"
		return r
	}, 403, "SignatureDoesNotMatch", mismatch},
	{"method changed", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.method = "PUT"
		return r
	}, 403, "SignatureDoesNotMatch", mismatch},
	{"path changed", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.target = "/x"
		return r
	}, 403, "SignatureDoesNotMatch", mismatch},
	{"payload said to be unsigned", func(b *battlefield) *rawRequest {
		r := b.identity(b.admin.keys)
		r.add("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		r.sign()
		r.body = b.create().body
		return r
	}, 403, "SignatureDoesNotMatch", ""},

	// Other people's keys and tokens.
	{"unknown key", func(b *battlefield) *rawRequest {
		return b.identity(keys{ID: "AKIAAAAAAAAAAAAAAAAA", Secret: b.admin.keys.Secret}).sign()
	}, 403, "InvalidClientTokenId", badCredentials},
	{"inactive key", func(b *battlefield) *rawRequest { return b.identity(b.asleep).sign() }, 403, "InvalidClientTokenId", badCredentials},
	{"deleted key", func(b *battlefield) *rawRequest { return b.identity(b.deleted).sign() }, 403, "InvalidClientTokenId", badCredentials},
	{"key of another deployment", func(b *battlefield) *rawRequest { return b.identity(b.foreign).sign() }, 403, "InvalidClientTokenId", badCredentials},
	{"session key without its token", func(b *battlefield) *rawRequest {
		return b.identity(keys{ID: b.session.ID, Secret: b.session.Secret}).sign()
	}, 403, "InvalidClientTokenId", badCredentials},
	{"token of another session", func(b *battlefield) *rawRequest {
		return b.identity(keys{b.session.ID, b.session.Secret, b.other.Token}).sign()
	}, 403, "InvalidClientTokenId", badCredentials},
	{"token flipped", func(b *battlefield) *rawRequest {
		at, with := len(b.session.Token)/2, "A"
		if b.session.Token[at] == 'A' {
			with = "B"
		}
		return b.identity(keys{b.session.ID, b.session.Secret, b.session.Token[:at] + with + b.session.Token[at+1:]}).sign()
	}, 403, "InvalidClientTokenId", badCredentials},
	{"token cut short", func(b *battlefield) *rawRequest {
		return b.identity(keys{b.session.ID, b.session.Secret, b.session.Token[:20]}).sign()
	}, 403, "InvalidClientTokenId", badCredentials},
	{"token with a long-term key", func(b *battlefield) *rawRequest {
		return b.identity(keys{b.admin.keys.ID, b.admin.keys.Secret, b.session.Token}).sign()
	}, 403, "InvalidClientTokenId", badCredentials},
	{"session on IAM", func(b *battlefield) *rawRequest {
		r := b.create()
		r.keys = b.session
		return r.sign()
	}, 403, "InvalidClientTokenId", badCredentials},
	{"EC2 with an unknown key", func(b *battlefield) *rawRequest {
		return formRequest(b.server, b.foreign, "ec2", url.Values{"Action": {"DescribeInstances"}}).sign()
	}, 401, "AuthFailure", ""},
	{"S3 with an unknown key", func(b *battlefield) *rawRequest { return b.listBuckets(b.foreign).sign() }, 403, "InvalidAccessKeyId", ""},
	{"S3 with a wrong secret", func(b *battlefield) *rawRequest {
		return b.listBuckets(keys{ID: b.admin.keys.ID, Secret: "wrong"}).sign()
	}, 403, "SignatureDoesNotMatch", mismatch},

	// S3 signs in ways of its own.
	{"S3 replayed late", func(b *battlefield) *rawRequest {
		r := b.listBuckets(b.admin.keys)
		r.at = time.Now().Add(-16 * time.Minute)
		return r.sign()
	}, 403, "RequestTimeTooSkewed", ""},
	{"S3 without the payload's hash", func(b *battlefield) *rawRequest {
		r := b.listBuckets(b.admin.keys)
		r.headers = r.headers[:1]
		return r.sign()
	}, 400, "InvalidRequest", ""},
	{"S3 with another payload", func(b *battlefield) *rawRequest {
		r := b.putObject()
		r.add("X-Amz-Content-Sha256", hash("what was signed"))
		return r.sign()
	}, 400, "XAmzContentSHA256Mismatch", ""},
	{"S3 with an unsigned x-amz header", func(b *battlefield) *rawRequest {
		r := b.putObject()
		r.add("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		r.sign()
		r.add("X-Amz-Acl", "public-read")
		return r
	}, 403, "AccessDenied", "There were headers present in the request which were not signed"},
	{"S3 with a forged chunk", func(b *battlefield) *rawRequest {
		r := b.putObject()
		zero := strings.Repeat("0", 64)
		r.body = "4;chunk-signature=" + zero + "\r\ntext\r\n0;chunk-signature=" + zero + "\r\n\r\n"
		r.add("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
		r.add("X-Amz-Decoded-Content-Length", "4")
		return r.sign()
	}, 403, "SignatureDoesNotMatch", ""},

	// Smuggled.
	{"Authorization twice", func(b *battlefield) *rawRequest {
		r := b.create()
		r.keys = b.plain.keys
		r.sign()
		r.add("Authorization", b.create().sign().get("Authorization"))
		return r
	}, 400, "IncompleteSignature", ""},
	{"X-Amz-Date twice", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.add("X-Amz-Date", "20200101T000000Z")
		return r
	}, 400, "IncompleteSignature", ""},
	{"token twice", func(b *battlefield) *rawRequest {
		r := b.identity(b.session).sign()
		r.add("X-Amz-Security-Token", b.other.Token)
		return r
	}, 403, "SignatureDoesNotMatch", ""},
	{"content type twice", func(b *battlefield) *rawRequest {
		r := b.create()
		r.add("Content-Type", "application/json")
		return r.sign()
	}, 403, "SignatureDoesNotMatch", ""},
	{"signed in the header and in the query", func(b *battlefield) *rawRequest {
		r := b.create()
		r.target = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + b.admin.keys.ID + "%2F20200101%2Fus-east-1%2Fiam%2Faws4_request"
		return r.sign()
	}, 400, "IncompleteSignature", ""},
	{"action in the query and in the body", func(b *battlefield) *rawRequest {
		r := b.create()
		r.target = "/?Action=GetUser&Version=2010-05-08"
		return r.sign()
	}, 400, "", ""},
	{"action twice", func(b *battlefield) *rawRequest {
		r := b.create()
		r.body = "Action=GetUser&" + r.body
		return r.sign()
	}, 400, "", ""},
	{"user name twice", func(b *battlefield) *rawRequest {
		r := b.create()
		r.body = "UserName=good&" + r.body
		return r.sign()
	}, 400, "", ""},
	{"a header name with a blank", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.add("X-Amz-Date ", "20200101T000000Z")
		return r
	}, 400, "", ""},
	{"a folded header", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.set("X-Amz-Date", "20200101T000000Z\r\n "+r.get("X-Amz-Date"))
		return r
	}, 400, "", ""},
	{"Host twice", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.add("Host", "iam.amazonaws.com")
		return r
	}, 400, "", ""},
	{"an absolute target of another host", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.target = "http://iam.amazonaws.com/"
		return r
	}, 403, "SignatureDoesNotMatch", ""},

	// Too large.
	{"body too large", func(b *battlefield) *rawRequest {
		r := b.create()
		r.body += "&PolicyDocument=" + strings.Repeat("x", 2<<20)
		return r.sign()
	}, 413, "RequestEntityTooLarge", "The request body is larger than 1048576 bytes"},
	{"body too large and unsigned", func(b *battlefield) *rawRequest {
		r := b.create()
		r.body += "&PolicyDocument=" + strings.Repeat("x", 2<<20)
		return r
	}, 403, "MissingAuthenticationToken", ""},
	{"headers too large", func(b *battlefield) *rawRequest {
		r := b.create().sign()
		r.add("X-Long", strings.Repeat("x", 100<<10))
		return r
	}, 431, "", ""},
	{"a hundred thousand parameters", func(b *battlefield) *rawRequest {
		var more strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&more, "&a%d=", i)
		}
		r := b.create()
		r.body += more.String()
		return r.sign()
	}, 400, "", ""},
}
