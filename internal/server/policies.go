package server

import (
	"sync"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/directory"
)

// awsPolicies gives the directory the managed policies that AWS owns.
type awsPolicies struct{}

// Lookup implements directory.AWSPolicies.
func (awsPolicies) Lookup(arn string) (*directory.ManagedPolicy, bool) {
	p, ok := awsapi.LookupManagedPolicy(arn)
	if !ok {
		return nil, false
	}
	return managedPolicy(p), true
}

// Document implements directory.AWSPolicies.
func (awsPolicies) Document(arn string) string {
	p, ok := awsapi.LookupManagedPolicy(arn)
	if !ok {
		return ""
	}
	return p.Document()
}

// All implements directory.AWSPolicies.
func (awsPolicies) All() []*directory.ManagedPolicy { return allPolicies() }

// allPolicies converts the list once.
var allPolicies = sync.OnceValue(func() []*directory.ManagedPolicy {
	from := awsapi.AllManagedPolicies()
	to := make([]*directory.ManagedPolicy, len(from))
	for i, p := range from {
		to[i] = managedPolicy(p)
	}
	return to
})

func managedPolicy(p *awsapi.ManagedPolicy) *directory.ManagedPolicy {
	return directory.ManagedPolicy{
		ID: p.ID, Name: p.Name, Path: p.Path, Created: p.Created, Updated: p.Updated, Default: p.DefaultVersion,
		Versions: []directory.PolicyVersion{{ID: p.DefaultVersion, Created: p.Updated}},
	}.OwnedByAWS()
}
