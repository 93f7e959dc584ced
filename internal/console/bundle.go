package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// bundle serves the files of the web app. Their names are stable, so that a
// change of one is a change of one file; the path that they are served under
// holds a digest of all of them, so that browsers may keep them for ever.
type bundle struct {
	files fs.FS
	path  string // under which they are served, with the digest
	index []byte // index.html with that path

	mu     sync.Mutex        // guards the field below
	packed map[string][]byte // gzipped, by name; nil where that saves nothing
}

func newBundle(files fs.FS, at string) (*bundle, error) {
	index, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return nil, fmt.Errorf("web app: %w", err)
	}
	sum := sha256.New()
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		fmt.Fprintf(sum, "%s %d\n", name, len(text))
		sum.Write(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("web app: %w", err)
	}
	b := &bundle{files: files, path: at + hex.EncodeToString(sum.Sum(nil)[:8]) + "/", packed: map[string][]byte{}}
	b.index = bytes.ReplaceAll(index, []byte(`"./assets/`), []byte(`"`+b.path+`assets/`))
	return b, nil
}

// types are media types that not every system knows.
var types = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".woff2": "font/woff2", ".svg": "image/svg+xml"}

// ServeHTTP serves a file.
func (b *bundle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, b.path)
	text, err := fs.ReadFile(b.files, name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	kind := types[path.Ext(name)]
	if kind == "" {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	b.send(w, r, name, kind, text)
}

// send answers with a text that is always the same under that name.
func (b *bundle) send(w http.ResponseWriter, r *http.Request, name, kind string, text []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if packed := b.gzipped(name, text); packed != nil {
			h.Set("Content-Encoding", "gzip")
			text = packed
		}
	}
	// What a browser that went away doesn't take is nobody's concern.
	_, _ = w.Write(text)
}

// gzipped is the file packed, which is done once; nil where it doesn't get smaller.
func (b *bundle) gzipped(name string, text []byte) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	packed, known := b.packed[name]
	if known {
		return packed
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(text)
	if err == nil && z.Close() == nil && out.Len() < len(text) {
		packed = out.Bytes()
	}
	b.packed[name] = packed
	return packed
}
