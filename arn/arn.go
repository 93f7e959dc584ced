// Package arn parses, prints and matches Amazon Resource Names.
//
// An ARN is six fields between colons: the word arn, a partition, a service, a
// region, an account and a resource. Only the resource may hold further
// colons. Nothing here knows which services or partitions exist.
package arn

import (
	"errors"
	"strings"
)

// ErrSyntax is returned for a text that isn't "arn:" and five more fields.
var ErrSyntax = errors.New("not an ARN: want arn:partition:service:region:account:resource")

// ARN is one resource name in its fields. Any of them may be empty.
type ARN struct{ Partition, Service, Region, Account, Resource string }

// Parse cuts s into its fields. It returns ErrSyntax unless s begins with
// "arn:" and has all six fields; the fields themselves are not judged.
func Parse(s string) (ARN, error) {
	f, n := Split(s)
	if n != Fields || f[0] != "arn" {
		return ARN{}, ErrSyntax
	}
	return ARN{f[1], f[2], f[3], f[4], f[5]}, nil
}

// String prints the name; Parse(a.String()) is a again if no field before the
// resource holds a colon.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// Fields is the number of fields of a whole ARN.
const Fields = 6

// Split cuts s at its first five colons and returns the fields with their
// number. Missing fields are empty. It allocates nothing.
func Split(s string) (fields [Fields]string, n int) {
	for n < Fields-1 {
		i := strings.IndexByte(s, ':')
		if i < 0 {
			break
		}
		fields[n], s = s[:i], s[i+1:]
		n++
	}
	fields[n] = s
	return fields, n + 1
}
