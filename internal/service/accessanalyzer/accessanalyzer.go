// Package accessanalyzer is the part of IAM Access Analyzer that needs no
// analyzer: the validation of policies. All other operations are authorised and
// then answered as not available.
package accessanalyzer

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/accessanalyzer"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

// Operations are the operations that are carried out here.
func Operations() service.Set {
	validate := service.Op("ValidatePolicy", validatePolicy)
	validate.Targets = func(*service.Caller, any) ([]service.Target, error) { return []service.Target{{ARN: "*"}}, nil }
	return service.NewSet(validate)
}

// defaultPage is how many findings an answer holds where MaxResults is absent,
// and at most.
const defaultPage = 100

// maxDocument is the longest document in bytes: IAM's API takes no longer one.
const maxDocument = 131072

// trustPolicy is the resource type of roles' trust policies.
const trustPolicy = "AWS::IAM::AssumeRolePolicyDocument"

// kinds are the kinds of policies by their types in the API.
var kinds = map[string]policy.Kind{
	"IDENTITY_POLICY": policy.Managed, "RESOURCE_POLICY": policy.Resource,
	"SERVICE_CONTROL_POLICY": policy.SCP, "RESOURCE_CONTROL_POLICY": policy.RCP,
}

// validatePolicy says what is wrong with a policy, and what could be better.
func validatePolicy(_ context.Context, _ *service.Caller, in *api.ValidatePolicyRequest) (*api.ValidatePolicyResponse, error) {
	kind, known := kinds[in.PolicyType]
	if !known {
		return nil, api.ValidationException.New("Invalid policy type: %s", in.PolicyType)
	}
	if in.ValidatePolicyResourceType != "" && kind != policy.Resource {
		return nil, api.ValidationException.New("validatePolicyResourceType is only supported for policies of type RESOURCE_POLICY")
	}
	if in.ValidatePolicyResourceType == trustPolicy {
		kind = policy.Trust
	}
	if len(in.PolicyDocument) > maxDocument {
		return nil, api.ValidationException.New("The policy document must not be longer than %d characters", maxDocument)
	}
	limit := defaultPage
	if in.MaxResults != nil {
		if limit = int(*in.MaxResults); limit < 1 || limit > defaultPage {
			return nil, api.ValidationException.New("maxResults must be between 1 and %d", defaultPage)
		}
	}
	from, ok := readToken(in.NextToken)
	found := policy.Validate(in.PolicyDocument, policy.Validation{Kind: kind, Catalog: Catalog})
	if !ok || from > len(found) {
		return nil, api.ValidationException.New("Invalid nextToken")
	}
	out := &api.ValidatePolicyResponse{Findings: []api.ValidatePolicyFinding{}}
	for _, f := range found[from:min(from+limit, len(found))] {
		out.Findings = append(out.Findings, finding(&f))
	}
	if from+limit < len(found) {
		out.NextToken = base64.RawURLEncoding.EncodeToString([]byte(tokenHead + strconv.Itoa(from+limit)))
	}
	return out, nil
}

// tokenHead begins the text in a token; how many findings were told follows.
const tokenHead = "validate:"

func readToken(token string) (from int, ok bool) {
	if token == "" {
		return 0, true
	}
	plain, err := base64.RawURLEncoding.DecodeString(token)
	number, found := strings.CutPrefix(string(plain), tokenHead)
	if err != nil || !found {
		return 0, false
	}
	from, err = strconv.Atoi(number)
	return from, err == nil && from > 0
}

// learnMore is the page that explains all findings, and how an anchor begins.
const learnMore = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-"

// sections are the parts of that page.
var sections = map[policy.FindingType]string{
	policy.FindingError: "error-", policy.FindingSecurityWarning: "security-warning-",
	policy.FindingWarning: "general-warning-", policy.FindingSuggestion: "suggestion-",
}

func finding(f *policy.Finding) api.ValidatePolicyFinding {
	out := api.ValidatePolicyFinding{
		FindingType: string(f.Type), IssueCode: f.Code, FindingDetails: f.Details, Locations: []api.Location{},
		LearnMoreLink: learnMore + sections[f.Type] + strings.ToLower(strings.ReplaceAll(f.Code, "_", "-")),
	}
	for _, l := range f.Locations {
		path := []api.PathElement{}
		for _, e := range l.Path {
			path = append(path, pathElement(e))
		}
		out.Locations = append(out.Locations, api.Location{Path: path, Span: &api.Span{Start: place(l.Start), End: place(l.End)}})
	}
	return out
}

func pathElement(e policy.PathElement) api.PathElement {
	switch {
	case e.Member == "":
		index := int32(e.Index)
		return api.PathElement{Index: &index}
	case e.Name:
		return api.PathElement{Key: e.Member}
	}
	return api.PathElement{Value: e.Member}
}

func place(p policy.Place) *api.Position {
	return &api.Position{Line: int32(p.Line), Column: int32(p.Column), Offset: int32(p.Offset)}
}
