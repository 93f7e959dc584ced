package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// localBuckets are folders in a folder.
type localBuckets string

// metadataSuffix is that of the file beside a file that has metadata: a JSON
// object of what S3 would keep with it.
const metadataSuffix = ".metadata.json"

func (l localBuckets) check(_ context.Context, bucket string) error {
	info, err := os.Stat(filepath.Join(string(l), bucket))
	if err != nil {
		return &targetError{code: noSuchBucket(err), err: err}
	}
	if !info.IsDir() {
		return &targetError{code: "NoSuchBucket", err: errors.New("it is not a folder")}
	}
	return nil
}

// noSuchBucket is the code of S3 for a folder that is missing.
func noSuchBucket(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "NoSuchBucket"
	}
	if errors.Is(err, fs.ErrPermission) {
		return "AccessDenied"
	}
	return "InternalError"
}

func (l localBuckets) put(_ context.Context, bucket, key string, body []byte, metadata map[string]string) error {
	root, err := os.OpenRoot(filepath.Join(string(l), bucket))
	if err != nil {
		return &targetError{code: noSuchBucket(err), err: err}
	}
	defer root.Close()
	if metadata != nil {
		beside, err := json.Marshal(metadata)
		if err != nil {
			return err
		}
		if err := putFile(root, filepath.FromSlash(key)+metadataSuffix, append(beside, '\n')); err != nil {
			return &targetError{code: "InternalError", err: err}
		}
	}
	if err := putFile(root, filepath.FromSlash(key), body); err != nil {
		return &targetError{code: "InternalError", err: err}
	}
	return nil
}

// putFile writes a file whole or not at all, durably.
func putFile(root *os.Root, name string, body []byte) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, root.Remove(name+".new"))
	}
	if err := root.Rename(name+".new", name); err != nil {
		return err
	}
	dir, err := root.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
