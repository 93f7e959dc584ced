package awsapi

import (
	_ "embed"
	"iter"
	"slices"
	"sync"
)

// Action is an IAM action as the service authorization reference describes it.
type Action struct {
	Prefix    string // "iam"
	Name      string // "CreateUser", in the reference's spelling
	Access    string // levels, separated by ", ": "Permissions management, Write"
	Resources []ActionResource
	Keys      []string // condition keys of the action itself; may hold ${TagKey}
	// Dependent lists actions that the caller needs as well, as prefix:Name.
	// The reference's copy that we have names none: it is always empty.
	Dependent []string
}

// String returns prefix:Name.
func (a *Action) String() string { return a.Prefix + ":" + a.Name }

// ActionResource is a kind of resource that an action acts on.
type ActionResource struct {
	Type     *ResourceType
	Required bool
}

// ResourceType is a kind of resource of one service.
type ResourceType struct {
	Name string // "user"
	ARN  string // "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}"
	Keys []string
}

// ConditionKey is a condition key of one service.
type ConditionKey struct {
	Name string // "iam:PassedToService"; may hold ${TagKey}
	Type string // "String", "ArrayOfString", "ARN", "Bool", "Numeric", "Date", "IPAddress", …
}

// Authorization is what the service authorization reference says of one prefix.
type Authorization struct {
	Prefix        string
	ServiceName   string // "AWS Identity and Access Management (IAM)"
	Actions       []Action
	ResourceTypes []ResourceType
	Keys          []ConditionKey
}

//go:embed data/authorization.bin
var authorizationData string

var authorizations = sync.OnceValue(func() map[string]func() *Authorization {
	all := make(map[string]func() *Authorization)
	for prefix, block := range archive(authorizationData).blocks() {
		all[prefix] = sync.OnceValue(func() *Authorization { return loadAuthorization(prefix, block) })
	}
	return all
})

// LookupAuthorization returns the reference's page for a prefix, or nil. The
// case of the prefix doesn't matter.
func LookupAuthorization(prefix string) *Authorization {
	load := authorizations()[prefix]
	if load == nil {
		if load = authorizations()[lower(prefix)]; load == nil {
			return nil
		}
	}
	return load()
}

// Prefixes yields all prefixes of the reference in no order.
func Prefixes() iter.Seq[string] {
	return func(yield func(string) bool) {
		for prefix := range authorizations() {
			if !yield(prefix) {
				return
			}
		}
	}
}

// ServiceNames returns the names of all services by their prefix. It keeps no
// page.
func ServiceNames() map[string]string {
	names := make(map[string]string)
	for prefix, block := range archive(authorizationData).blocks() {
		names[prefix] = newReader(block).str()
	}
	return names
}

// LookupAction returns an action, or nil. As in policies, the case of prefix and
// name doesn't matter.
func LookupAction(prefix, name string) *Action {
	a := LookupAuthorization(prefix)
	if a == nil || name == "" {
		return nil
	}
	return a.Action(name)
}

// Action returns an action by name without regard to case, or nil.
func (a *Authorization) Action(name string) *Action {
	i, found := slices.BinarySearchFunc(a.Actions, name, func(x Action, name string) int {
		return CompareFold(x.Name, name)
	})
	if !found {
		return nil
	}
	return &a.Actions[i]
}

// CompareFold orders strings without regard to the case of ASCII letters.
func CompareFold(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if x, y := lowerByte(a[i]), lowerByte(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lowerByte(c)
	}
	return string(b)
}

func loadAuthorization(prefix, block string) *Authorization {
	r := newReader(block)
	a := &Authorization{Prefix: prefix, ServiceName: r.str()}
	a.Keys = make([]ConditionKey, r.int())
	for i := range a.Keys {
		a.Keys[i] = ConditionKey{Name: r.str(), Type: r.str()}
	}
	a.ResourceTypes = make([]ResourceType, r.int())
	for i := range a.ResourceTypes {
		a.ResourceTypes[i] = ResourceType{Name: r.str(), ARN: r.str(), Keys: r.strs()}
	}
	a.Actions = make([]Action, r.int())
	for i := range a.Actions {
		x := &a.Actions[i]
		x.Prefix, x.Name, x.Access = prefix, r.str(), r.str()
		x.Resources = make([]ActionResource, r.int())
		for j := range x.Resources {
			v := r.int()
			x.Resources[j] = ActionResource{Type: &a.ResourceTypes[v>>1], Required: v&1 != 0}
		}
		x.Keys, x.Dependent = r.strs(), r.strs()
	}
	return a
}
