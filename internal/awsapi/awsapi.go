// Package awsapi holds AWS's public API models as data: the operations of each
// service, the shapes of their inputs and outputs, constraints, errors, paging,
// and what the service authorization reference says of each action.
//
// The models are embedded in a compact form that the generator in gen makes
// from models/. A service is decoded when it is first asked for, once; a program
// that asks for none pays nothing. What is returned is shared and read-only,
// and may be used by many goroutines.
//
// Packages iam and sts beside this one hold Go types generated from the same
// models. Their doc comments state how model types become Go types.
package awsapi

import (
	_ "embed"
	"iter"
	"slices"
	"strings"
	"sync"
)

//go:generate go run ./gen

// Protocol names as the models write them.
const (
	Query    = "query"
	EC2      = "ec2"
	JSON     = "json"
	RESTJSON = "rest-json"
	RESTXML  = "rest-xml"
	CBOR     = "rpc-v2-cbor" // of no model that we have, but seen in requests
)

// Service is one service's API model.
type Service struct {
	Name         string // the model's file name and the aws CLI's command: "iam", "sso-oidc"
	ID           string // the service id: "IAM", "Secrets Manager"
	FullName     string // "AWS Identity and Access Management"
	SigningName  string // the service in a credential scope
	Prefix       string // the IAM prefix of its actions
	EndpointName string // the first part of its host name
	Protocol     string // one of the protocol names above
	JSONVersion  string // "1.0" or "1.1"; only where Protocol is JSON
	APIVersion   string // the value of Version in the query protocols
	Namespace    string // XML namespace of answers; may be empty
	TargetPrefix string // X-Amz-Target before the dot; only where Protocol is JSON
	Global       bool   // one endpoint for all regions

	operations []Operation // sorted by name
	waiters    []Waiter    // sorted by name
	shapes     []Shape

	codesOnce sync.Once
	codes     map[string]*Shape
	routeOnce sync.Once
	routes    []route
}

// Operation is one operation of a service.
type Operation struct {
	Service *Service
	Name    string

	Method       string // "POST"
	URI          string // "/", or for REST a template: "/{Bucket}/{Key+}?uploads"
	ResponseCode int    // HTTP status of success; 200 where the model is silent

	Input          *Shape // nil if it takes nothing
	Output         *Shape // nil if it returns nothing
	InputName      string // the root element of a REST-XML body, where it isn't a payload member
	InputNamespace string
	ResultWrapper  string   // "GetUserResult"; query protocol only
	Errors         []*Shape // the errors the model names, in its order

	// Action is the IAM action that allows the operation, or nil where the
	// authorization reference has none (sts:GetCallerIdentity has one; the
	// sign-in operations of sso do not). For most operations the two names are
	// the same. An operation may need more actions than this one: CopyObject
	// also reads its source.
	Action *Action
	// VersionAction replaces Action where the request names a version of an
	// object (versionId): s3:GetObjectVersion. Nil where there is no difference.
	VersionAction *Action

	Paginator *Paginator // nil if the operation isn't paged

	NoAuth          bool // takes no signature: sts:AssumeRoleWithWebIdentity
	ReadOnly        bool // the model says so; false says nothing
	Idempotent      bool
	Deprecated      bool
	UnsignedPayload bool
}

// Paginator says how to page through an operation's answers. Tokens correspond
// by position; the strings of the output side are JMESPath expressions.
type Paginator struct {
	InputTokens, OutputTokens []string
	ResultKeys                []string
	NonAggregateKeys          []string
	LimitKey                  string // the member that limits a page: "MaxItems"
	MoreResults               string // "IsTruncated"; empty where a missing token ends the list
}

// Waiter says how to poll until something is so.
type Waiter struct {
	Name        string // "UserExists"
	Operation   string
	Delay       int // seconds between tries
	MaxAttempts int
	Acceptors   []Acceptor
}

// Acceptor is one rule of a waiter; the first that matches decides.
type Acceptor struct {
	State    string // "success", "failure" or "retry"
	Matcher  string // "path", "pathAll", "pathAny", "status" or "error"
	Argument string // JMESPath, for the path matchers
	Expected string // the value as JSON
}

//go:embed data/models.bin
var modelData string

// entry is a service of the embedded archive, decoded once.
type entry struct {
	name string
	load func() *Service
}

var entries = sync.OnceValue(func() map[string]*entry {
	all := make(map[string]*entry)
	for name, block := range archive(modelData).blocks() {
		all[name] = &entry{name, sync.OnceValue(func() *Service { return loadService(name, block) })}
	}
	return all
})

// ByName returns the service with a model file's name, such as "iam", or nil.
func ByName(name string) *Service {
	if e := entries()[name]; e != nil {
		return e.load()
	}
	return nil
}

// BySigningName returns the service that a credential scope names, or nil where
// there is no model. It decodes only the service it returns.
func BySigningName(signing string) *Service {
	if name, ok := modelBySigningName[signing]; ok {
		return ByName(name)
	}
	return nil
}

// Names lists the services with a model, sorted by name.
func Names() []string {
	var names []string
	for name := range entries() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Operation returns the named operation, or nil.
func (s *Service) Operation(name string) *Operation {
	i, found := slices.BinarySearchFunc(s.operations, name, func(o Operation, name string) int {
		return strings.Compare(o.Name, name)
	})
	if !found {
		return nil
	}
	return &s.operations[i]
}

// Operations yields all operations in the order of their names.
func (s *Service) Operations() iter.Seq[*Operation] {
	return func(yield func(*Operation) bool) {
		for i := range s.operations {
			if !yield(&s.operations[i]) {
				return
			}
		}
	}
}

// Waiters returns the service's waiters, sorted by name.
func (s *Service) Waiters() []Waiter { return s.waiters }

// Shape returns the named shape, or nil. It searches all shapes: for tools, not
// for requests.
func (s *Service) Shape(name string) *Shape {
	for i := range s.shapes {
		if s.shapes[i].Name == name {
			return &s.shapes[i]
		}
	}
	return nil
}

// Error returns the shape of the error with the given code, or nil. Where
// several operations share a code the shapes are the same one.
func (s *Service) Error(code string) *Shape {
	s.codesOnce.Do(func() {
		s.codes = make(map[string]*Shape)
		for i := range s.shapes {
			if sh := &s.shapes[i]; sh.Exception {
				s.codes[sh.Name] = sh
			}
		}
		for i := range s.shapes { // a code wins over another shape's name
			if sh := &s.shapes[i]; sh.Exception && sh.Code != "" {
				s.codes[sh.Code] = sh
			}
		}
	})
	return s.codes[code]
}

// Status returns the HTTP status of an error code: the model's where it has
// one, else that of the errors common to all services, else 400.
func (s *Service) Status(code string) int {
	if s != nil {
		if sh := s.Error(code); sh != nil && sh.Status != 0 {
			return sh.Status
		} else if sh != nil && sh.Fault {
			return 500
		}
		if s.Protocol == JSON && !serverFault(code) {
			return 400 // the JSON protocols answer 400 even to a bad signature (facts, 12)
		}
	}
	return commonStatus(code)
}
