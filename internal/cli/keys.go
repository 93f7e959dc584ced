package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"
)

// What keys prints is on standard output, a line for each step. No secret is
// printed: a new pair stands in a file of mode 0600.

const keysLong = `Replace access keys without an interruption.

These commands use IAM's API alone, with your AWS credentials: those of the
environment, of a profile, or of anything else that AWS's own tools know. They
work against this server and against AWS.`

func keysCommand(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Replace access keys without an interruption",
		Long:  keysLong,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("no command; see sallyport keys --help")}
		},
	}
	cmd.AddCommand(keysRotate(std), keysRetire(std), keysRollback(std))
	return cmd
}

// rotation is what the keys commands are given.
type rotation struct {
	user, key, endpoint, profile, region string

	out        string        // the new pair's file
	idle       time.Duration // for how long the old key must not have been used
	wait, poll time.Duration
	delete     bool
	makeRoom   bool // by deleting inactive keys

	std IO
	cfg aws.Config
	iam *iam.Client
}

func (r *rotation) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.user, "user", "", "the user whose key it is (required)")
	f.StringVar(&r.key, "key", "", "the old key's id; needed where the user has several active keys")
	f.StringVar(&r.endpoint, "endpoint-url", "", "where IAM is; AWS_ENDPOINT_URL and the profile say it too")
	f.StringVar(&r.profile, "profile", "", "the profile of your credentials")
	f.StringVar(&r.region, "region", "", "the region, where neither environment nor profile says it")
}

// waitFlags are those of commands that wait until a key is no longer used.
func (r *rotation) waitFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.DurationVar(&r.idle, "idle", time.Hour, "for how long the old key must not have been used")
	f.DurationVar(&r.wait, "wait", 7*24*time.Hour, "how long to wait for that at most")
	f.DurationVar(&r.poll, "poll", time.Minute, "how often to ask")
	f.BoolVar(&r.delete, "delete", false, "delete the old key in the end, so that there is no way back")
}

// run connects and does what the command is for.
func (r *rotation) run(do func(ctx context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		if err := r.connect(cmd.Context()); err != nil {
			return err
		}
		return plainRefusal(do(cmd.Context()))
	}
}

// plainRefusal is an error without the SDK's words around it, where the service
// has refused a call.
func plainRefusal(err error) error {
	e, refused := errors.AsType[smithy.APIError](err)
	if _, wrapped := errors.AsType[*smithy.OperationError](err); !refused || !wrapped {
		return err
	}
	text := err.Error()
	whole := e.ErrorCode() + ": " + e.ErrorMessage()
	before, after, _ := strings.Cut(text, whole)
	if i := strings.Index(before, "operation error "); i >= 0 {
		before = before[:i]
	}
	return errors.New(before + whole + after)
}

// connect finds the caller's credentials.
func (r *rotation) connect(ctx context.Context) error {
	if r.user == "" {
		return usageError{errors.New("--user is missing")}
	}
	if r.wait < r.idle {
		return usageError{fmt.Errorf("--wait %v is shorter than --idle %v", r.wait, r.idle)}
	}
	var opts []func(*config.LoadOptions) error
	if r.profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(r.profile))
	}
	if r.region != "" {
		opts = append(opts, config.WithRegion(r.region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return fmt.Errorf("find your AWS credentials: %w", err)
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return fmt.Errorf("no AWS credentials of yours are found (aws configure, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY): %w", err)
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	r.cfg = cfg
	r.client()
	return nil
}

func (r *rotation) client() {
	r.iam = iam.NewFromConfig(r.cfg, func(o *iam.Options) {
		if r.endpoint != "" {
			o.BaseEndpoint = &r.endpoint
		}
	})
}

// become goes on with the new pair where the old one is the caller's own, which
// would never be unused otherwise.
func (r *rotation) become(ctx context.Context, old string, k *types.AccessKey) error {
	own, err := r.cfg.Credentials.Retrieve(ctx)
	if err != nil || own.AccessKeyID != old {
		return err
	}
	r.cfg.Credentials = credentials.NewStaticCredentialsProvider(*k.AccessKeyId, *k.SecretAccessKey, "")
	r.client()
	for late := time.Now().Add(newKeyWithin); ; {
		_, err := r.lastUse(ctx, old)
		if err == nil || time.Now().After(late) {
			return err
		}
		select { // AWS needs some seconds until a new key is known everywhere
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// newKeyWithin is how long a new key may take to be known.
const newKeyWithin = time.Minute

func (r *rotation) say(format string, args ...any) { fmt.Fprintf(r.std.Out, format+"\n", args...) }

func keysRotate(std IO) *cobra.Command {
	r := &rotation{std: std}
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new access key, wait until the old one is no longer used, and deactivate it",
		Long: `Make a new access key of a user, wait until the old one is no longer used, and
deactivate it. The new pair is written to a file first; put it where the old one
is used while the command waits. What waits too long, or is interrupted, has
changed nothing of the old key.

To go on after an interruption: sallyport keys retire --user NAME --key OLD-KEY-ID
To go back: sallyport keys rollback --user NAME --key OLD-KEY-ID

The old key stays, inactive, and counts: a user has two keys at most, where no
quota says otherwise. The next rotation needs it gone, or --delete-inactive.`,
		Args: noArgs,
		RunE: r.run(r.rotate),
	}
	r.flags(cmd)
	r.waitFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&r.out, "out", "", "file for the new pair; it must not exist (default NAME_accessKeys.csv)")
	f.BoolVar(&r.makeRoom, "delete-inactive", false, "delete the user's inactive keys first")
	return cmd
}

func keysRetire(std IO) *cobra.Command {
	r := &rotation{std: std}
	cmd := &cobra.Command{
		Use:   "retire",
		Short: "Wait until an access key is no longer used, and deactivate it",
		Long: `Wait until an access key is no longer used, and deactivate it: the second half of
a rotation, to go on after an interruption, or where the new key was made otherwise.

To go back: sallyport keys rollback --user NAME --key OLD-KEY-ID`,
		Args: noArgs,
		RunE: r.run(func(ctx context.Context) error {
			if r.key == "" {
				return usageError{errors.New("--key is missing: the key that is to go")}
			}
			old, err := r.old(ctx)
			if err != nil {
				return err
			}
			r.say("Waiting until access key %s has not been used for %v.", old, r.idle)
			return r.retire(ctx, old)
		}),
	}
	r.flags(cmd)
	r.waitFlags(cmd)
	return cmd
}

func keysRollback(std IO) *cobra.Command {
	r := &rotation{std: std}
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Make the old access key active again, and deactivate the others of the user",
		Args:  noArgs,
		RunE:  r.run(r.rollback),
	}
	r.flags(cmd)
	return cmd
}

func (r *rotation) keys(ctx context.Context) ([]types.AccessKeyMetadata, error) {
	var all []types.AccessKeyMetadata
	pages := iam.NewListAccessKeysPaginator(r.iam, &iam.ListAccessKeysInput{UserName: &r.user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, page.AccessKeyMetadata...)
	}
	return all, nil
}

// old is the key that is to be replaced.
func (r *rotation) old(ctx context.Context) (string, error) {
	all, err := r.keys(ctx)
	if err != nil {
		return "", err
	}
	var found []string
	for _, k := range all {
		if k.Status == types.StatusTypeActive && (r.key == "" || r.key == *k.AccessKeyId) {
			found = append(found, *k.AccessKeyId)
		}
	}
	switch len(found) {
	case 0:
		if r.key == "" {
			return "", fmt.Errorf("user %s has no active access key", r.user)
		}
		return "", fmt.Errorf("user %s has no active access key %s", r.user, r.key)
	case 1:
		return found[0], nil
	}
	return "", usageError{fmt.Errorf("user %s has %d active access keys: say with --key which one is the old one", r.user, len(found))}
}

func (r *rotation) rotate(ctx context.Context) error {
	old, err := r.old(ctx)
	if err != nil {
		return err
	}
	if r.out == "" {
		r.out = r.user + "_accessKeys.csv"
	}
	if r.makeRoom {
		if err := r.deleteInactive(ctx); err != nil {
			return err
		}
	}
	made, err := r.newKey(ctx)
	if err != nil {
		return err
	}
	r.say("Access key %s of user %s is made; the pair is in %s.", *made.AccessKeyId, r.user, r.out)
	r.say("Put it where %s is used. Waiting until that key has not been used for %v.", old, r.idle)
	if err := r.become(ctx, old, made); err != nil {
		return fmt.Errorf("the new key can't be used: %w; both keys are active", err)
	}
	return r.retire(ctx, old)
}

// retire waits until a key is no longer used, and deactivates or deletes it.
func (r *rotation) retire(ctx context.Context, old string) error {
	if err := r.awaitIdle(ctx, old); err != nil {
		return fmt.Errorf("%w; %s is as it was. To go on: sallyport keys retire --user %s --key %s", err, old, r.user, old)
	}
	if r.delete {
		if _, err := r.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &r.user, AccessKeyId: &old}); err != nil {
			return err
		}
		r.say("Access key %s is deleted.", old)
		return nil
	}
	if err := r.set(ctx, old, types.StatusTypeInactive); err != nil {
		return err
	}
	r.say("Access key %s is inactive. To go back: sallyport keys rollback --user %s --key %s", old, r.user, old)
	return nil
}

// newKey makes the new pair and writes it to its file, as the console of AWS
// does. The file is opened first: no key is made that can't be kept.
func (r *rotation) newKey(ctx context.Context) (*types.AccessKey, error) {
	file, err := os.OpenFile(r.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s is there already, perhaps with the pair of an earlier rotation: say with --out where the new pair goes", r.out)
	}
	if err != nil {
		return nil, err
	}
	made, err := r.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &r.user})
	if err != nil {
		if e, ok := errors.AsType[smithy.APIError](err); ok && e.ErrorCode() == "LimitExceeded" {
			err = fmt.Errorf("%w: user %s has no room for a new key; say --delete-inactive, or delete one with aws iam delete-access-key", err, r.user)
		}
		return nil, errors.Join(err, file.Close(), os.Remove(r.out))
	}
	k := made.AccessKey
	_, err = fmt.Fprintf(file, "Access key ID,Secret access key\n%s,%s\n", *k.AccessKeyId, *k.SecretAccessKey)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		_, gone := r.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &r.user, AccessKeyId: k.AccessKeyId})
		return nil, errors.Join(fmt.Errorf("keep the new pair: %w", err), gone)
	}
	return k, nil
}

// deleteInactive deletes the user's inactive keys.
func (r *rotation) deleteInactive(ctx context.Context) error {
	all, err := r.keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.Status == types.StatusTypeActive {
			continue
		}
		if _, err := r.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &r.user, AccessKeyId: k.AccessKeyId}); err != nil {
			return err
		}
		r.say("Access key %s, which was inactive, is deleted.", *k.AccessKeyId)
	}
	return nil
}

// lastUse is when a key was used last; the zero time where it never was.
func (r *rotation) lastUse(ctx context.Context, key string) (time.Time, error) {
	out, err := r.iam.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &key})
	if err != nil || out.AccessKeyLastUsed == nil {
		return time.Time{}, err
	}
	return aws.ToTime(out.AccessKeyLastUsed.LastUsedDate), nil
}

// awaitIdle waits until a key has not been used for as long as is asked. What
// was used just before the rotation counts from then, seen from here: clocks
// may differ.
func (r *rotation) awaitIdle(ctx context.Context, key string) error {
	last, err := r.lastUse(ctx, key)
	if err != nil {
		return err
	}
	quiet, late := time.Now(), time.Now().Add(r.wait)
	for time.Since(quiet) < r.idle {
		if time.Now().After(late) {
			return fmt.Errorf("access key %s is still used after %v, last at %s", key, r.wait, last.Local().Format(time.RFC3339))
		}
		select {
		case <-time.After(min(r.poll, max(r.idle-time.Since(quiet), time.Millisecond))):
		case <-ctx.Done():
			return ctx.Err()
		}
		used, err := r.lastUse(ctx, key)
		if err != nil {
			return err
		}
		if used.After(last) {
			last, quiet = used, time.Now()
			r.say("%s was used at %s.", key, used.Local().Format(time.RFC3339))
		}
	}
	return nil
}

func (r *rotation) set(ctx context.Context, key string, status types.StatusType) error {
	_, err := r.iam.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: &r.user, AccessKeyId: &key, Status: status})
	return err
}

func (r *rotation) rollback(ctx context.Context) error {
	if r.key == "" {
		return usageError{errors.New("--key is missing: the key to go back to")}
	}
	all, err := r.keys(ctx)
	if err != nil {
		return err
	}
	if err := r.set(ctx, r.key, types.StatusTypeActive); err != nil {
		return err
	}
	r.say("Access key %s is active.", r.key)
	for _, k := range all {
		if id := *k.AccessKeyId; id != r.key && k.Status == types.StatusTypeActive {
			if err := r.set(ctx, id, types.StatusTypeInactive); err != nil {
				return err
			}
			r.say("Access key %s is inactive.", id)
		}
	}
	return nil
}
