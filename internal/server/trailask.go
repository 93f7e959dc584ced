package server

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// TrailConfig says whose trail is asked: that of the server that runs on the
// data folder or, where none does, the folder itself.
type TrailConfig struct {
	Data  string
	Days  int // that events are kept, for Verify of a stopped server; 0 means 90
	Now   func() time.Time
	Log   *slog.Logger
	Fatal func(error) // is called when the disk fails: it must end the process
}

// trailQuestion is what the server is asked by its control socket. It answers
// with a line for each event or other answer, which begins with answerPart, and
// ends with one that begins with answerEnd or, after an error, answerError.
type trailQuestion struct {
	Filter trail.Filter `json:"filter"`
	Last   int          `json:"last,omitempty"` // events that came before, for follow
}

const (
	answerPart  = '+'
	answerEnd   = '.'
	answerError = '!'
)

// SearchTrail calls fn for the wanted events, the newest first.
func SearchTrail(ctx context.Context, cfg TrailConfig, f trail.Filter, fn func(record []byte) error) error {
	err := askTrail(ctx, cfg.Data, "/trail/search", trailQuestion{Filter: f}, fn)
	if !errors.Is(err, errNotRunning) {
		return err
	}
	return withTrail(cfg, func(log *trail.Log) error { return log.Search(ctx, f, fn) })
}

// FollowTrail calls fn for the last events that are wanted, the oldest first,
// and where a server runs then for each that comes, until ctx ends.
func FollowTrail(ctx context.Context, cfg TrailConfig, f trail.Filter, last int, fn func(record []byte) error) error {
	err := askTrail(ctx, cfg.Data, "/trail/follow", trailQuestion{f, last}, fn)
	if ctx.Err() != nil {
		return nil
	}
	if errors.Is(err, errNotRunning) {
		return fmt.Errorf("no server runs on the data folder %s: there is nothing to follow", cfg.Data)
	}
	return err
}

// VerifyTrail looks for events that were changed, removed or put in.
func VerifyTrail(ctx context.Context, cfg TrailConfig) (v trail.Verification, err error) {
	err = askTrail(ctx, cfg.Data, "/trail/verify", nil, func(b []byte) error { return json.Unmarshal(b, &v) })
	if !errors.Is(err, errNotRunning) {
		return v, err
	}
	keys, days, err := trailKeys(ctx, cfg)
	if err != nil {
		return v, err
	}
	err = withTrail(cfg, func(log *trail.Log) error {
		v, err = log.Verify(ctx, keys, keptSince(cfg.Now(), cmp.Or(cfg.Days, defaultTrailDay), days))
		return err
	})
	return v, err
}

// trailKeys reads from the store of a stopped server the public key that digests
// are signed with, and how long accounts keep their events that say so.
func trailKeys(ctx context.Context, cfg TrailConfig) (map[string]*rsa.PublicKey, map[string]int, error) {
	if err := needStore(cfg.Data); err != nil {
		return nil, nil, err
	}
	st, err := pebble.Open(filepath.Join(cfg.Data, storeFolder), pebble.Options{Logger: cfg.Log, Fatal: cfg.Fatal})
	if err != nil {
		return nil, nil, folderError(cfg.Data, err)
	}
	key, err := directory.TrailPublicKey(ctx, st)
	days, err2 := directory.StoredTrailDays(ctx, st)
	return publicKeys(key), days, errors.Join(err, err2, st.Close())
}

func publicKeys(key *rsa.PublicKey) map[string]*rsa.PublicKey {
	if key == nil {
		return nil
	}
	return map[string]*rsa.PublicKey{trail.Fingerprint(key): key}
}

// withTrail opens the trail of a stopped server.
func withTrail(cfg TrailConfig, fn func(*trail.Log) error) error {
	dir := filepath.Join(cfg.Data, trailFolder)
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("there is no trail in the folder %s: %w", cfg.Data, cause(err))
	}
	log, err := trail.Open(dir, trail.Options{Log: cfg.Log})
	if err != nil {
		return err
	}
	return errors.Join(fn(log), log.Close())
}

// askTrail asks the running server, or gives errNotRunning.
func askTrail(ctx context.Context, data, command string, question any, fn func(part []byte) error) error {
	q, err := json.Marshal(question)
	if err != nil {
		return err
	}
	body, err := sendServer(ctx, data, command, strings.NewReader(string(q)))
	if err != nil {
		return err
	}
	defer body.Close()
	for lines := bufio.NewReader(body); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return errors.New("the server ended before its answer did")
		}
		if err != nil {
			return err
		}
		switch line = line[:len(line)-1]; line[0] {
		case answerEnd:
			return nil
		case answerError:
			return errors.New(string(line[1:]))
		}
		if err := fn(line[1:]); err != nil {
			return err
		}
	}
}

// trailControl adds what the server answers about its trail.
func (s *Server) trailControl(mux *http.ServeMux) {
	mux.HandleFunc("POST /trail/search", answered(func(ctx context.Context, q trailQuestion, part func([]byte) error) error {
		return s.trail.log.Search(ctx, q.Filter, part)
	}))
	mux.HandleFunc("POST /trail/follow", answered(s.followTrail))
	mux.HandleFunc("POST /trail/replay", answered(s.replay))
	mux.HandleFunc("POST /explain", answered(s.explain))
	mux.HandleFunc("POST /trail/verify", answered(func(ctx context.Context, _ *struct{}, part func([]byte) error) error {
		if err := s.trail.digest(ctx); err != nil {
			return err
		}
		key, _, err := s.trail.dir.TrailKey(ctx)
		if err != nil {
			return err
		}
		kept, err := s.trail.kept()
		if err != nil {
			return err
		}
		v, err := s.trail.log.Verify(ctx, publicKeys(&key.PublicKey), kept)
		if err != nil {
			return err
		}
		return marshalled(part, v)
	}))
}

func marshalled(part func([]byte) error, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return part(b)
}

// answered makes a handler of a function that answers a question in parts.
func answered[Q any](fn func(ctx context.Context, q Q, part func([]byte) error) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q Q
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			http.Error(w, "the question can't be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		control := http.NewResponseController(w)
		control.SetReadDeadline(time.Time{}) // what follows may take as long as it likes
		line := func(kind byte, b []byte) error {
			_, err := w.Write(append(append([]byte{kind}, b...), '\n'))
			return errors.Join(err, control.Flush())
		}
		err := fn(r.Context(), q, func(b []byte) error { return line(answerPart, b) })
		if err != nil {
			line(answerError, []byte(strings.ReplaceAll(err.Error(), "\n", "; ")))
			return
		}
		line(answerEnd, nil)
	}
}

// followTrail answers with events as they come, until the server stops.
func (s *Server) followTrail(ctx context.Context, q trailQuestion, part func([]byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	from := s.trail.log.Head()
	var before [][]byte
	if q.Last > 0 {
		f := q.Filter
		f.Max = q.Last
		if err := s.trail.log.Search(ctx, f, func(r []byte) error { before = append(before, r); return nil }); err != nil {
			return err
		}
	}
	for i := len(before) - 1; i >= 0; i-- {
		if err := part(before[i]); err != nil {
			return err
		}
	}
	err := s.trail.log.Follow(ctx, from, func(_ uint64, _ string, record []byte) error {
		if !q.Filter.Keeps(record) {
			return nil
		}
		return part(record)
	})
	if s.stopping.Err() != nil {
		return nil
	}
	return err
}
