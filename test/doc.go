// Package test plays the whole system as its users do: a server of its own for
// each test, a real process on loopback with its own data folder, and the real
// clients: the aws command (v1 and v2), boto3, the AWS SDK for Go, and an
// attacker who writes what they like onto the wire.
//
// A client that isn't installed is skipped with a warning; where the
// environment variable CI is set, it fails the test.
package test
