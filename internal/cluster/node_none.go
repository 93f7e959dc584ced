//go:build !cluster

package cluster

import "context"

// Built reports whether this program has the cluster inside.
const Built = false

// Node is a member of the cluster. In this program there is none.
type Node struct{}

// Start returns ErrNotBuilt.
func Start(context.Context, Config) (*Node, error) { return nil, ErrNotBuilt }

// Endpoints are where etcd's client reaches the member.
func (*Node) Endpoints() []string { return nil }

// Failed gets an error when the member has stopped by itself.
func (*Node) Failed() <-chan error { return nil }

// Ready is closed when the member has joined the cluster.
func (*Node) Ready() <-chan struct{} { return nil }

// Close stops the member.
func (*Node) Close() error { return nil }
