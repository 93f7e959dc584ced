package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sallyport-iam/sallyport/arn"
)

// partitions are those that a Resource may name.
var partitions = map[string]bool{
	"*": true, "aws": true, "aws-cn": true, "aws-us-gov": true, "aws-eusc": true,
	"aws-iso": true, "aws-iso-b": true, "aws-iso-e": true, "aws-iso-f": true,
}

const msgIAMPath = `IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.`

// iamPaths are what IAM's resources begin with: those that the message names,
// which is older, and those that the service authorization reference adds.
var iamPaths = []string{
	"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/",
	"sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
	"assumed-role/", "delegation-request/", "role-template/", "u2f/",
}

// regional are the resources of S3 that have a region, unlike buckets and
// objects.
var regional = []string{
	"accesspoint/", "job/", "storage-lens/", "storage-lens-group/", "async-request/", "access-grants/",
}

// checkResources judges the texts of Resource and NotResource. Of several bad
// ones in a list, AWS was seen to report the last in the order of the alphabet.
func checkResources(d *document, _ Kind) *Error {
	for i := range d.statements {
		items := d.statements[i].resource.items
		if len(items) > 1 {
			items = slices.Clone(items)
			slices.SortStableFunc(items, func(a, b item) int { return strings.Compare(b.text, a.text) })
		}
		for _, r := range items {
			if msg := resourceFault(r.text); msg != "" {
				return fault(r.at, msg, "%q is no resource", r.text)
			}
		}
	}
	return nil
}

// legacyFault says whether a resource in a known partition has too few fields
// and one of them empty, or no service.
func legacyFault(text string) bool {
	f, n := arn.Split(text)
	if n < 3 || !partitions[f[1]] {
		return false
	}
	return f[2] == "" || n < arn.Fields && slices.Contains(f[:n], "")
}

// resourceFault returns what AWS says of a resource, or nothing.
func resourceFault(text string) string {
	if text == "*" {
		return ""
	}
	f, n := arn.Split(text)
	switch {
	case n == 1:
		return fmt.Sprintf("Resource %s must be in ARN format or \"*\".", text)
	case !partitions[f[1]]:
		whole := f
		whole[0] = "arn"
		for i := n; i < arn.Fields; i++ {
			whole[i] = "*"
		}
		return fmt.Sprintf("Partition \"%s\" is not valid for resource \"%s\".", f[1], strings.Join(whole[:], ":"))
	case n == 2 || strings.ContainsAny(f[2], "*?"):
		return "Resource vendor must be fully qualified and cannot contain regexes."
	case n < arn.Fields:
		return "" // short: what is missing may be anything
	}
	return serviceFault(text, &f)
}

// serviceFault judges the whole ARNs of the two services that AWS knows better.
func serviceFault(text string, f *[arn.Fields]string) string {
	starts := func(prefixes []string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f[5], p) })
	}
	switch {
	case f[2] == "iam" && f[3] != "":
		return fmt.Sprintf("IAM resource %s cannot contain region information.", text)
	case f[2] == "iam" && f[5] != "*" && f[5] != "root" && !starts(iamPaths):
		return msgIAMPath
	case f[2] == "s3" && f[3] != "" && !starts(regional):
		return fmt.Sprintf("Resource %s can not contain region information.", text)
	}
	return ""
}

// checkActions judges the texts of Action and NotAction.
func checkActions(d *document, _ Kind) *Error {
	for i := range d.statements {
		for _, a := range d.statements[i].action.items {
			if msg := actionFault(a.text); msg != "" {
				return fault(a.at, msg, "%q is no action", a.text)
			}
		}
	}
	return nil
}

// actionFault returns what AWS says of an action, or nothing. What stands
// after the colon is free.
func actionFault(text string) string {
	vendor, _, found := strings.Cut(text, ":")
	switch {
	case text == "*":
		return ""
	case !found:
		return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	case strings.Count(text, ":") > 1:
		return "Actions/Condition can contain only one colon."
	case vendor == "" || strings.ContainsFunc(vendor, notVendor):
		return fmt.Sprintf("Vendor %s is not valid", vendor)
	}
	return ""
}

func notVendor(c rune) bool {
	return notSid(c) && c != '.' && c != '-'
}

// firstWide is the first byte that begins a character above U+00FF, the last
// that IAM takes in a document. Others may stand there as escapes.
const firstWide = 0xc4

// checkCharacters looks for characters that IAM and STS don't take. Other
// services do.
func checkCharacters(text string, kind Kind) *Error {
	switch kind {
	case Resource, SCP, RCP:
		return nil
	}
	i := 0
	for i < len(text) && text[i] < firstWide {
		i++
	}
	if i == len(text) {
		return nil
	}
	before := text[:i]
	start := strings.LastIndexByte(before, '\n') + 1
	at := position{int32(strings.Count(before, "\n")) + 1, int32(utf8.RuneCountInString(before[start:])) + 1}
	c, _ := utf8.DecodeRuneInString(text[i:])
	return fault(at, "", "the character %U can't stand in a policy but as an escape", c)
}
