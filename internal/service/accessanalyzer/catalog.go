package accessanalyzer

import (
	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/policy"
)

// Catalog is AWS's service authorization reference, for validating policies: a
// policy.Catalog.
func Catalog(prefix string) *policy.Reference {
	page := awsapi.LookupAuthorization(prefix)
	if page == nil {
		return nil
	}
	ref := &policy.Reference{Keys: make(map[string]string, len(page.Keys)), KeysOf: func(action string) []string { return keysOf(page.Action(action)) }}
	for _, a := range page.Actions {
		ref.Actions = append(ref.Actions, a.Name)
	}
	for _, k := range page.Keys {
		ref.Keys[k.Name] = k.Type
	}
	for _, r := range page.ResourceTypes {
		ref.ARNs = append(ref.ARNs, r.ARN)
	}
	ref.Renamed = func(operation string) string { return renamed(prefix, operation) }
	return ref
}

func keysOf(a *awsapi.Action) []string {
	if a == nil {
		return nil
	}
	keys := append([]string{}, a.Keys...)
	for _, r := range a.Resources {
		keys = append(keys, r.Type.Keys...)
	}
	return keys
}

// renamed is the action that allows an operation whose action has another name.
func renamed(prefix, operation string) string {
	svc := awsapi.BySigningName(prefix)
	if svc == nil {
		return ""
	}
	if op := svc.Operation(operation); op != nil && op.Action != nil && op.Action.Name != operation {
		return op.Action.String()
	}
	return ""
}
