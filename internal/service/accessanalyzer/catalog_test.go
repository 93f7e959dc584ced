package accessanalyzer

import (
	"maps"
	"slices"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/policy"
)

// dated are errors that AWS's own policies may have: they name services, actions
// and keys that are gone, or that the reference doesn't tell of.
var dated = []string{
	"ARN_ACCOUNT_NOT_ALLOWED", "INVALID_ACTION", "INVALID_ARN_RESOURCE", "INVALID_SERVICE", "INVALID_SERVICE_CONDITION_KEY",
	"INVALID_SERVICE_IN_ACTION", "UNSUPPORTED_ACTION_FOR_CONDITION_KEY",
}

// TestAWSPolicies holds the checks against the policies that AWS wrote: nothing
// is wrong with their form, and with little else.
func TestAWSPolicies(t *testing.T) {
	all := awsapi.AllManagedPolicies()
	faulty := 0
	others := map[string][]string{}
	for _, p := range all {
		wrong := false
		for _, f := range policy.Validate(p.Document(), policy.Validation{Kind: policy.Managed, Catalog: Catalog}) {
			wrong = wrong || f.Type == policy.FindingError
			if f.Type == policy.FindingError && !slices.Contains(dated, f.Code) {
				others[f.Code] = append(others[f.Code], p.Name+": "+f.Details)
			}
		}
		if wrong {
			faulty++
		}
	}
	for _, code := range slices.Sorted(maps.Keys(others)) {
		t.Errorf("%s: %q", code, others[code])
	}
	if limit := len(all) * 8 / 100; faulty > limit {
		t.Errorf("%d of %d policies of AWS's have errors, want at most %d", faulty, len(all), limit)
	}
	t.Logf("%d of %d have errors", faulty, len(all))
}
