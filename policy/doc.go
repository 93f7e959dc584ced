// Package policy is the AWS policy language: it parses documents, checks them
// as AWS does when they are saved, compiles them, decides requests by them, and
// explains the decision.
//
// It is pure: no input or output, no clock, no state. Everything that a
// decision depends on comes in as an argument.
package policy
