package awsapi

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// ManagedPolicy is an AWS managed policy.
type ManagedPolicy struct {
	Name           string // "AdministratorAccess"
	Path           string // "/", "/service-role/"
	ARN            string // "arn:aws:iam::aws:policy/AdministratorAccess"
	ID             string // ANPA and 17 characters, derived from the name: AWS's own isn't in our data
	DefaultVersion string // "v1"
	Created        time.Time
	Updated        time.Time // when the default version was created

	block, offset, size int
	once                sync.Once
	document            string
}

const managedPolicyARN = "arn:aws:iam::aws:policy"

//go:embed data/policies.bin
var policyData string

// policyIndex is the decoded index of the embedded policies. The documents stay
// compressed, in blocks of some 64 KiB, until one is asked for.
type policyIndex struct {
	all    []*ManagedPolicy // sorted by name
	blocks []string
}

var managedPolicies = sync.OnceValue(loadPolicies)

func loadPolicies() policyIndex {
	var index policyIndex
	var head string
	for name, block := range archive(policyData).blocks() {
		if name == "index" {
			head = block
		} else {
			index.blocks = append(index.blocks, block)
		}
	}
	r := newReader(head)
	list := make([]ManagedPolicy, r.int())
	index.all = make([]*ManagedPolicy, len(list))
	for i := range list {
		p := &list[i]
		p.Name, p.Path, p.ID, p.DefaultVersion = r.str(), r.str(), r.str(), r.str()
		p.Created = time.Unix(r.signed(), 0).UTC()
		p.Updated = time.Unix(r.signed(), 0).UTC()
		p.block, p.offset, p.size = r.int(), r.int(), r.int()
		p.ARN = managedPolicyARN + p.Path + p.Name
		index.all[i] = p
	}
	return index
}

// AllManagedPolicies returns all AWS managed policies, sorted by name. The list
// is shared: it must not be changed.
func AllManagedPolicies() []*ManagedPolicy { return managedPolicies().all }

// LookupManagedPolicy returns the AWS managed policy with an ARN.
func LookupManagedPolicy(arn string) (*ManagedPolicy, bool) {
	rest, ok := strings.CutPrefix(arn, managedPolicyARN+"/")
	if !ok {
		return nil, false
	}
	name := rest[strings.LastIndexByte(rest, '/')+1:]
	all := managedPolicies().all
	i, found := slices.BinarySearchFunc(all, name, func(p *ManagedPolicy, name string) int {
		return strings.Compare(p.Name, name)
	})
	if !found || all[i].ARN != arn {
		return nil, false
	}
	return all[i], true
}

// Document returns the JSON of the policy's default version.
func (p *ManagedPolicy) Document() string {
	p.once.Do(func() {
		block := managedPolicies().blocks[p.block]
		z := flate.NewReader(strings.NewReader(block))
		if _, err := io.CopyN(io.Discard, z, int64(p.offset)); err != nil {
			panic("awsapi: embedded policies: " + err.Error())
		}
		var b bytes.Buffer
		if _, err := io.CopyN(&b, z, int64(p.size)); err != nil {
			panic("awsapi: embedded policies: " + err.Error())
		}
		p.document = b.String()
	})
	return p.document
}
