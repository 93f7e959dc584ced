package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// The control socket is how the commands of the data folder's owner reach the
// server that runs on it. Whoever may open it may copy all data, and the master
// key: it has mode 0600, as the master key's file has.
const controlSocket = "control.sock"

// maxSocketPath is how long a socket's path may be everywhere.
const maxSocketPath = 100

// errNotRunning: no server runs on the data folder.
var errNotRunning = errors.New("no server is running")

// listenControl makes the control socket, in place of one that a crash left.
// It must hold the data folder's lock.
func listenControl(data string) (net.Listener, error) {
	dir, err := os.MkdirTemp(data, ".control-*") // mode 0700: nobody connects before the mode is set
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "s")
	path, done, err := shortPath(made)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // by then it has another name
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, filepath.Join(data, controlSocket))); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// shortPath gives a name of a socket that is short enough for the kernel.
func shortPath(path string) (short string, done func(), err error) {
	if len(path) <= maxSocketPath || runtime.GOOS != "linux" {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { dir.Close() }, nil
}

// openControl opens the control socket. A file system that has no sockets keeps
// nobody from serving.
func (s *Server) openControl() {
	l, err := listenControl(s.cfg.Data)
	if err != nil {
		s.cfg.Log.Warn("no control socket: backup and rotate-master-key need this server to be stopped", "error", cause(err))
		return
	}
	s.control = l
}

// closeControl takes the control socket away, while the folder is still locked.
func (s *Server) closeControl() {
	if s.control != nil {
		s.control.Close()
		os.Remove(filepath.Join(s.cfg.Data, controlSocket))
	}
}

// controlHandler answers the commands of the data folder's owner: with status
// 200, or another and one line of text.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /backup", s.serveBackup)
	mux.HandleFunc("POST /rotate-master-key", s.serveRotateMasterKey)
	s.trailControl(mux)
	s.accountControl(mux)
	s.transferControl(mux)
	return mux
}

// serveBackup answers with an archive. One that fails is cut off, and so has
// neither its end nor its checksum.
func (s *Server) serveBackup(w http.ResponseWriter, r *http.Request) {
	h := archiveHeader{Time: s.cfg.Now().UTC()}
	if r.URL.Query().Get("master-key") == "true" {
		// The key in the backup must be the one that its ring is sealed under.
		if !s.data.master.mu.TryRLock() {
			http.Error(w, "the master key is being rotated; try again", http.StatusConflict)
			return
		}
		defer s.data.master.mu.RUnlock()
		h.MasterKey = s.data.master.key.Text().Reveal()
	}
	if err := s.data.dir.FlushLastUsed(r.Context()); err != nil {
		s.cfg.Log.Error("times of last use not stored before a backup", "error", err)
	}
	if err := writeArchive(r.Context(), w, s.data.store, h); err != nil {
		s.cfg.Log.Error("backup ended early", "error", err)
		panic(http.ErrAbortHandler)
	}
	s.cfg.Log.Info("backed up", "with master key", h.MasterKey != "")
}

func (s *Server) serveRotateMasterKey(w http.ResponseWriter, r *http.Request) {
	// A rotation that has begun goes on, whether or not anyone waits for it.
	if err := s.data.rotateMasterKey(context.WithoutCancel(r.Context()), s.cfg.Rand); err != nil {
		s.cfg.Log.Error("master key not rotated", "error", err)
		http.Error(w, strings.ReplaceAll(err.Error(), "\n", "; "), http.StatusConflict)
		return
	}
	s.cfg.Log.Info("master key rotated")
}

// askServer sends a command to the server that runs on a data folder, and gives
// its answer, or errNotRunning.
func askServer(ctx context.Context, data, command string) (io.ReadCloser, error) {
	return sendServer(ctx, data, command, nil)
}

// sendServer is askServer with a body.
func sendServer(ctx context.Context, data, command string, body io.Reader) (io.ReadCloser, error) {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		path, done, err := shortPath(filepath.Join(data, controlSocket))
		if err != nil {
			return nil, err
		}
		defer done()
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}, DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control"+command, body)
	if err != nil {
		return nil, err
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, errNotRunning
	case err != nil:
		return nil, fmt.Errorf("can't reach the server of the data folder %s: %w", data, cause(err))
	case res.StatusCode != http.StatusOK:
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
		return nil, errors.New(strings.TrimSpace(string(text)))
	}
	return res.Body, nil
}
