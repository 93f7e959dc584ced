package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// code is the gRPC code of an error, also of one that etcd's client made its own.
func code(err error) codes.Code {
	if e, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		return e.Code()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return codes.DeadlineExceeded
	}
	if errors.Is(err, context.Canceled) {
		return codes.Canceled
	}
	return status.Code(err)
}

// passing reports whether a request may succeed at another member or later. A
// write that ended with such an error may have been applied.
func passing(err error) bool {
	switch code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Unknown, codes.Internal, codes.Aborted:
		return true
	}
	return stale(err) || errors.Is(rpctypes.Error(err), rpctypes.ErrTooManyRequests)
}

// stale reports that the member does not know our token any more, and did
// nothing.
func stale(err error) bool {
	err = rpctypes.Error(err)
	return errors.Is(err, rpctypes.ErrInvalidAuthToken) || errors.Is(err, rpctypes.ErrUserEmpty) || errors.Is(err, rpctypes.ErrAuthOldRevision)
}

// refused reports that etcd answered a write with an error before it applied
// anything, so that nothing is or will be stored.
func refused(err error) bool {
	if errors.Is(err, store.ErrUnavailable) || stale(err) {
		return true
	}
	switch code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.FailedPrecondition, codes.Unimplemented:
		return true
	}
	return errors.Is(rpctypes.Error(err), rpctypes.ErrTooManyRequests)
}

// storeError is an error of etcd as one of package store where it has a name
// there. Others are store.ErrUnavailable: nothing was stored, and who operates
// the cluster has to do something about it.
func storeError(doing string, err error) error {
	switch e := rpctypes.Error(err); {
	case errors.Is(e, rpctypes.ErrCompacted):
		return store.ErrCompacted
	case errors.Is(e, rpctypes.ErrFutureRev):
		return store.ErrFuture
	case errors.Is(e, rpctypes.ErrRequestTooLarge), errors.Is(e, rpctypes.ErrTooManyOps):
		return fmt.Errorf("%w: %w (etcd must allow requests of 1.5 MiB with 128 operations, its defaults)", store.ErrTooLarge, e)
	}
	return unavailable(doing, err)
}

func unavailable(doing string, err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %s: %v", store.ErrUnavailable, doing, rpctypes.Error(err)) // not the end of a context of ours
}

// pause waits a little longer with each try, up to a fifth of a second.
func pause(ctx context.Context, try int) {
	later(ctx, min(time.Millisecond<<min(try+2, 10), 200*time.Millisecond))
}
