package awsapi

import (
	"slices"
	"strings"
)

// Tracked reports whether the last use of the action is kept for each user and
// role, as "action last accessed information" in the IAM user guide has it: of
// management actions of some services, not of those on data in them.
func (a *Action) Tracked() bool {
	switch a.Prefix {
	case "cloudtrail", "ec2", "organizations", "sts":
		return true
	case "iam":
		return a.Name != "PassRole" // a permission that others need, never called
	case "lambda":
		return !strings.HasPrefix(a.Name, "Invoke")
	case "s3":
		return !slices.ContainsFunc(a.Resources, func(r ActionResource) bool { return r.Type.Name == "object" })
	}
	return false
}

// Title is the service's name as IAM shows it: without what stands in brackets.
func (a *Authorization) Title() string {
	title, _, _ := strings.Cut(a.ServiceName, " (")
	return title
}
