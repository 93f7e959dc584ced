// Package ec2 is the little of Amazon EC2 that an identity service can answer
// for by itself: that there are no instances. All other operations are
// authorised, honour DryRun, and are then answered as not available.
package ec2

import (
	"context"

	"github.com/sallyport-iam/sallyport/internal/service"
)

// Operations are the operations that are carried out here.
func Operations() service.Set {
	return service.NewSet(service.Operation{
		Name: "DescribeInstances",
		Call: func(context.Context, *service.Caller, any) (any, error) {
			return map[string]any{"Reservations": []any{}}, nil
		},
	})
}
