package cli

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/delivery"
)

const trailValidateLong = `Look at the log files and digests that a trail has delivered into a folder, or at
a copy of a bucket in one: what was changed, removed or put in since.

The public keys are what "aws cloudtrail list-public-keys" prints. Digests of a
bucket that is no folder are checked by "aws cloudtrail validate-logs" as well.`

var errNotAsDelivered = errors.New("not all is as it was delivered")

func trailValidateCommand(std IO) *cobra.Command {
	var keysFile, since string
	cmd := &cobra.Command{
		Use:   "validate FOLDER",
		Short: "Check what was delivered into a folder",
		Long:  trailValidateLong,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			after, err := moment(since)
			if err != nil {
				return err
			}
			keys, err := readPublicKeys(keysFile)
			if err != nil {
				return err
			}
			root, err := os.OpenRoot(args[0])
			if err != nil {
				return err
			}
			defer root.Close()
			found, err := delivery.Validate(cmd.Context(), root.FS(), keys, after)
			if err != nil {
				return fmt.Errorf("look at %s: %w", args[0], err)
			}
			return printValidation(std, &found)
		},
	}
	cmd.Flags().StringVar(&keysFile, "public-keys", "", "file with the output of aws cloudtrail list-public-keys")
	cmd.Flags().StringVar(&since, "since", "", "leave out digests that ended before: a time, a date, or how long ago")
	return cmd
}

// readPublicKeys reads the answer of ListPublicKeys: keys by their fingerprint.
func readPublicKeys(name string) (map[string]*rsa.PublicKey, error) {
	if name == "" {
		return nil, usageError{errors.New("--public-keys is missing: a file with the output of aws cloudtrail list-public-keys")}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var doc struct {
		PublicKeyList []struct {
			Value       []byte
			Fingerprint string
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil || len(doc.PublicKeyList) == 0 {
		return nil, fmt.Errorf("%s is not the output of aws cloudtrail list-public-keys", name)
	}
	keys := map[string]*rsa.PublicKey{}
	for _, k := range doc.PublicKeyList {
		if keys[k.Fingerprint], err = x509.ParsePKCS1PublicKey(k.Value); err != nil {
			return nil, fmt.Errorf("key %s in %s is not one", k.Fingerprint, name)
		}
	}
	return keys, nil
}

func printValidation(std IO, found *delivery.Validation) error {
	for _, p := range found.Problems {
		fmt.Fprintln(std.Out, p)
	}
	if len(found.Problems) > 0 {
		return errNotAsDelivered
	}
	fmt.Fprintf(std.Out, "%d log files and %d digests are as they were delivered; no digest is about %d log files yet.\n", found.Files, found.Digests, found.Open)
	return nil
}
