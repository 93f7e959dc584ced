// Package s3 is the little of Amazon S3 that an identity service can answer for
// by itself: that there are no buckets. All other operations are authorised and
// then answered as not available.
package s3

import (
	"context"

	"github.com/sallyport-iam/sallyport/internal/service"
)

// Operations are the operations that are carried out here.
func Operations() service.Set {
	return service.NewSet(service.Operation{
		Name: "ListBuckets",
		Call: func(_ context.Context, c *service.Caller, _ any) (any, error) {
			return map[string]any{
				"Buckets": []any{},
				"Owner":   map[string]any{"ID": c.Account(), "DisplayName": c.Account()},
			}, nil
		},
	})
}
