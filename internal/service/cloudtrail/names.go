package cloudtrail

import (
	"net"
	"regexp"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/cloudtrail"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// trailARN is the form of a trail's ARN.
var trailARN = regexp.MustCompile(`^arn:aws:cloudtrail:([a-z0-9-]+):([0-9]{12}):trail/(.+)$`)

// resolve gives the region and the name of a trail by its name or ARN. One of
// another account is as good as none.
func resolve(c *service.Caller, id string) (region, name string, err error) {
	if !strings.HasPrefix(id, "arn:") {
		return c.Region, id, checkName(id)
	}
	m := trailARN.FindStringSubmatch(id)
	if m == nil {
		return "", "", api.CloudTrailARNInvalidException.New("Trail name or ARN %s is not valid.", id)
	}
	if m[2] != c.Account() {
		return "", "", unknown(c, id)
	}
	return m[1], m[3], checkName(m[3])
}

// Lengths of a trail's name.
const (
	minName = 3
	maxName = 128
)

// trailName is the form of a name (CloudTrail API reference, CreateTrail), and
// nameChars what it is made of.
var (
	trailName = regexp.MustCompile(`^[A-Za-z0-9](?:[._-]?[A-Za-z0-9])+$`)
	nameChars = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	alphanum  = regexp.MustCompile(`^[A-Za-z0-9]$`)
)

// checkName says in CloudTrail's words what is wrong with a name.
func checkName(name string) error {
	wrong := api.InvalidTrailNameException.New
	switch {
	case name == "":
		return wrong("Trail name cannot be blank!")
	case len(name) < minName:
		return wrong("Trail name too short. Minimum allowed length: %d characters. Specified name length: %d characters.", minName, len(name))
	case len(name) > maxName:
		return wrong("Trail name too long. Maximum allowed length: %d characters. Specified name length: %d characters.", maxName, len(name))
	case !nameChars.MatchString(name):
		return wrong("Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_).")
	case !alphanum.MatchString(name[:1]):
		return wrong("Trail name must starts with a letter or number.")
	case !alphanum.MatchString(name[len(name)-1:]):
		return wrong("Trail name must ends with a letter or number.")
	case !trailName.MatchString(name):
		return wrong("Trail name %s can't have adjacent periods, underscores or hyphens.", name)
	case net.ParseIP(name) != nil:
		return wrong("Trail name %s must not be formatted as an IP address.", name)
	}
	return nil
}
