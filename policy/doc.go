// Package policy is the AWS policy language: it parses documents, checks them
// as AWS does when they are saved, compiles them, decides requests by them,
// explains the decision, and answers questions about policies.
//
// Parse is for a document that someone hands in: its error has AWS's text and
// the place of the fault. Load is for one that was saved before: it never
// fails, but denies everything if it doesn't understand. A Set is an index over
// the policies that a principal has. Evaluate takes a Request, its condition
// keys in a Context, and all Policies that take part, and returns a Result,
// which knows AWS's text of a denial. Explain takes the same and tells of every
// statement whether it applies, or the first part that keeps it from that.
//
// Simulate answers as AWS's policy simulator does. AllowedActions decides many
// actions on one resource at once. Compare says whether one set of policies
// allows anything that another doesn't.
//
// The package is pure: no input or output, no clock, no state but memory that
// the parser uses again. Everything that a decision depends on comes in as an
// argument. Nothing is parsed in a decision, and next to nothing allocated; what
// is immutable says so and may be shared by goroutines.
//
// Where AWS's behaviour isn't on record, these are the choices. An operator that
// isn't known makes an Allow not apply and a Deny apply. A resource with a
// variable that has no value, or that stands outside the last field, matches
// nothing; in a NotResource that makes a Deny apply and an Allow not. A list of
// values under an operator without a set prefix never passes, nor does a value
// of the wrong type, negated or not: a Deny with such a condition doesn't apply.
// A key that holds an empty list counts as absent for Null, one that holds an
// empty text doesn't.
package policy
