// Package server puts the parts together: it opens the data folder, makes the
// account on the first start, and serves requests until it is told to stop.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport-iam/sallyport/internal/console"
	"github.com/sallyport-iam/sallyport/internal/delivery"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/federation"
	"github.com/sallyport-iam/sallyport/internal/gate"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/service/accessanalyzer"
	"github.com/sallyport-iam/sallyport/internal/service/cloudtrail"
	"github.com/sallyport-iam/sallyport/internal/service/ec2"
	"github.com/sallyport-iam/sallyport/internal/service/iam"
	"github.com/sallyport-iam/sallyport/internal/service/organizations"
	"github.com/sallyport-iam/sallyport/internal/service/s3"
	"github.com/sallyport-iam/sallyport/internal/service/sts"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/archive"
	"github.com/sallyport-iam/sallyport/web"
)

// Config is what a server is told. Data, Listen, Now, Rand and Log must be set.
type Config struct {
	Data        string // the data folder; made with mode 0700 where it doesn't exist
	Listen      string // host:port of the endpoint
	AdminListen string // host:port of health and metrics; empty means none

	// AccountID is the account's id on the first start: 12 digits, or empty for
	// a random one. On a later start it must be empty or the same.
	AccountID string
	RootEmail string // the root user's, on the first start

	// TrustedProxies are believed what they say of the client before them
	// (X-Forwarded-For, X-Forwarded-Proto). None means that nobody is.
	TrustedProxies []netip.Prefix

	// RootKeyID and RootSecret are an access key that the root user is to have
	// instead of one made at random. Both or neither.
	RootKeyID  string
	RootSecret seal.Secret
	// Store is the store that several nodes share; its zero value means one in
	// the data folder.
	Store StoreConfig
	// MaxStaleness is for how long a node that has lost a shared store goes on
	// answering. Zero means 5 minutes.
	MaxStaleness time.Duration
	// ConfirmRevocations makes changes that may take rights away wait for all
	// nodes that are alive.
	ConfirmRevocations bool

	// MasterKey seals the secrets at rest. Empty means the file master.key of
	// the data folder, which the first start makes.
	MasterKey seal.Secret
	// MasterKeyURI names the key of a KMS that wraps the master key, which is
	// then in the file master.key.kms. Empty means none. See seal.OpenKMS.
	MasterKeyURI string
	// TrailDays is how long events are kept; 0 means 90.
	TrailDays int
	// TrailAll has reading calls refused as well while the trail can't be written.
	TrailAll bool
	// TrailReserve is how many bytes of its disk the trail leaves free; with
	// less, changes are refused. 0 means 64 MiB, and less than 0 none. It is never
	// more than a sixteenth of the disk.
	TrailReserve int64
	// Delivery says where the events of the trail are delivered.
	Delivery delivery.Config
	// Quotas are limits that differ from AWS's defaults; see directory.Quotas.
	Quotas map[string]int
	// Archive says where the store's history is kept, if anywhere.
	Archive ArchiveConfig
	// Federation says how identity providers are reached.
	Federation FederationConfig

	Now  func() time.Time
	Rand io.Reader
	Log  *slog.Logger
	// Fatal is called when the disk fails: it must end the process.
	Fatal func(error)

	format *directory.Format // the records' format; nil means the current one
}

// Timeouts against clients that are slow on purpose, and for the clean stop.
const (
	readTimeout  = 30 * time.Second // for the headers and for the whole request: net/http sets one deadline for both
	idleTimeout  = 2 * time.Minute
	drainTimeout = 15 * time.Second
	maxHeader    = 64 << 10 // bytes

	flushEvery = time.Minute // times of last use

	defaultStaleness = 5 * time.Minute

	ringKeyLife    = 30 * 24 * time.Hour // after which the key ring gets a new key
	ringKeyChecked = time.Hour           // how often that is looked at

	masterKeyChecked = 2 * time.Second // how often a node on a shared store looks for a new master key

	// spareHeap is allocated and never touched, so it takes no memory: it makes
	// the garbage collector of a small directory run as seldom as that of one
	// so many bytes larger. Measured: 8 % less processor time for each request.
	spareHeap = 32 << 20
)

// Started tells what a server that is ready has to say.
type Started struct {
	Endpoint  string // http://host:port
	Admin     string // host:port, where health and metrics are served
	AccountID string
	First     bool // the account was made at this start
	Root      RootCredentials
}

// Server is a server that is ready to serve.
type Server struct {
	cfg      Config
	listener net.Listener
	admin    net.Listener
	control  net.Listener // nil where there can't be one
	data     *dataFolder
	started  Started
	http     *http.Server
	metrics  *metrics
	trail    *keptTrail
	keys     *federation.Keys // of identity providers
	iam      *iam.Service
	delivery *delivery.Deliverer
	stopping context.Context // ends when the server begins to stop
}

// Open makes a server of its configuration: the endpoint is bound and the data
// is loaded when it returns. Every error is one line for a person to read.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	cfg.MaxStaleness = cmp.Or(cfg.MaxStaleness, defaultStaleness)
	s := &Server{cfg: cfg}
	if err := errors.Join(cfg.Archive.check(), cfg.Delivery.Check()); err != nil {
		return nil, err
	}
	if err := cfg.Federation.check(); err != nil {
		return nil, err
	}
	var err error
	if s.keys, err = cfg.Federation.keys(&cfg); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		s.release(ctx)
		return nil, err
	}
	s.cfg.Federation.IssuerURL = s.cfg.Federation.issuer(s.listener.Addr())
	if s.data, err = openData(ctx, s.cfg); err != nil {
		s.release(ctx)
		return nil, err
	}
	account, err := bootstrap(ctx, cfg, s.data.dir)
	if err != nil {
		s.release(ctx)
		return nil, err
	}
	s.started = Started{Endpoint: endpoint(s.listener.Addr()), Admin: s.started.Admin, AccountID: account.id, First: account.made, Root: account.root}
	if s.trail, err = openTrail(ctx, cfg, s.data.dir); err != nil {
		s.release(ctx)
		return nil, err
	}
	s.delivery = delivery.New(cfg.Delivery, delivery.Options{
		Log: s.trail.log, Directory: s.data.dir, Key: s.data.dir.TrailKey, Now: cfg.Now, Rand: cfg.Rand, Slog: cfg.Log,
	})
	if err := s.wire(); err != nil {
		s.release(ctx)
		return nil, err
	}
	s.openControl()
	return s, nil
}

func (s *Server) listen() (err error) {
	if s.listener, err = net.Listen("tcp", s.cfg.Listen); err != nil {
		return fmt.Errorf("can't listen on %s: %w", s.cfg.Listen, cause(err))
	}
	if s.cfg.AdminListen == "" {
		return nil
	}
	if s.admin, err = net.Listen("tcp", s.cfg.AdminListen); err != nil {
		return fmt.Errorf("can't listen on %s (admin): %w", s.cfg.AdminListen, cause(err))
	}
	s.started.Admin = s.admin.Addr().String()
	return nil
}

// endpoint is the URL by which this machine's clients reach an address. One
// that stands for all interfaces is reached as localhost.
func endpoint(addr net.Addr) string {
	a, ok := addr.(*net.TCPAddr)
	if !ok || !a.IP.IsUnspecified() {
		return "http://" + addr.String()
	}
	return "http://localhost:" + strconv.Itoa(a.Port)
}

// cause is the innermost error: what the operating system said.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// gateOptions are what the gate of this server needs.
func (s *Server) gateOptions() gate.Options {
	s.iam = iam.New(s.data.dir, s.cfg.Rand)
	return gate.Options{
		Directory: s.data.dir,
		Services: map[string]service.Set{
			"iam": s.iam.Operations(),
			"sts": sts.NewFederated(s.data.dir, s.keys, s.cfg.Federation.IssuerURL).Operations(),
			"ec2": ec2.Operations(),
			"s3":  s3.Operations(),

			"cloudtrail": cloudtrail.New(cloudtrail.Options{
				Log: s.trail.log, Directory: s.data.dir, Delivery: s.delivery, PublicKey: s.trail.publicKey,
			}).Operations(),
			"organizations": organizations.New(s.data.dir).Operations(),

			"accessanalyzer": accessanalyzer.Operations(),
		},
		Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log,
		Trail: s.trail.log, Remembered: s.trail.remembered, RecordAll: s.cfg.TrailAll,
	}
}

// wire makes the handlers.
func (s *Server) wire() error {
	opts := s.gateOptions()
	if s.admin != nil {
		s.metrics = newMetrics(s.data.store, s.data.archiver)
		s.metrics.trail(s.trail.log)
		s.metrics.delivery(s.delivery)
		if s.cfg.Store.Shared() {
			s.metrics.follow(s.data.dir, s.cfg.Now)
		}
		opts.Observe = s.metrics.observe
	}
	app, err := fs.Sub(web.Dist, "dist")
	if err != nil {
		return err
	}
	door := gate.New(opts)
	pages, err := console.New(console.Options{
		Directory: s.data.dir, App: app, Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log,
		SignedIn: s.noteSignIn, Enable: s.enablePasskey(door),
		Event: func(a console.Attempt) []byte { return s.signInEvent(a).AppendJSON(nil) },
	})
	if err != nil {
		return err
	}
	s.http = &http.Server{
		Handler: proxies(s.cfg.TrustedProxies).behind(s.issuerOr(consoleOr(pages, door))), ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, DisableGeneralOptionsHandler: true, ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	return nil
}

// consoleOr gives requests for the console's pages to it, and leaves the rest to
// the gate: a signed request for that path is S3's.
func consoleOr(pages, gate http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/console"); ok && (rest == "" || rest[0] == '/') &&
			r.Header.Get("Authorization") == "" && !r.URL.Query().Has("X-Amz-Algorithm") {
			pages.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == "/" && r.Method == http.MethodGet && browser(r) {
			http.Redirect(w, r, console.Path, http.StatusSeeOther)
			return
		}
		gate.ServeHTTP(w, r)
	})
}

// browser reports whether a person asks, without a signature.
func browser(r *http.Request) bool {
	return r.Header.Get("Authorization") == "" && r.URL.RawQuery == "" && strings.HasPrefix(r.Header.Get("Accept"), "text/html")
}

// Started tells where the server is and what its first start made.
func (s *Server) Started() Started { return s.started }

// Serve serves until ctx ends, then answers the requests in hand, stores what
// is in memory only, and closes the data folder.
func (s *Server) Serve(ctx context.Context) error {
	idle := make([]byte, spareHeap)
	defer runtime.KeepAlive(idle)
	group, ctx := errgroup.WithContext(ctx)
	s.stopping = ctx
	servers := s.servers()
	for srv, l := range servers {
		group.Go(func() error { return serve(srv, l) })
	}
	group.Go(func() error { return s.flush(ctx) })
	group.Go(releaseLoad)
	group.Go(func() error { return s.trail.keep(ctx) })
	group.Go(func() error { return s.delivery.Run(ctx) })
	group.Go(func() error { return s.rotateRing(ctx) })
	group.Go(func() error { return s.followMasterKey(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		var errs []error
		for srv := range servers {
			errs = append(errs, s.shutdown(drain, srv))
		}
		return errors.Join(errs...)
	})
	err := group.Wait()
	s.closeControl()
	ctx = context.WithoutCancel(ctx)
	return errors.Join(err, s.trail.close(ctx), s.data.close(ctx))
}

// servers are the endpoint's server and those beside it.
func (s *Server) servers() map[*http.Server]net.Listener {
	all := map[*http.Server]net.Listener{s.http: s.listener}
	if s.admin != nil {
		all[&http.Server{Handler: s.adminHandler(), ReadTimeout: readTimeout}] = s.admin
	}
	if s.control != nil {
		all[&http.Server{Handler: s.controlHandler(), ReadTimeout: readTimeout, ErrorLog: s.http.ErrorLog}] = s.control
	}
	return all
}

// shutdown lets the requests in hand finish. Clients that stalled, and would
// keep it waiting, are cut off when ctx ends.
func (s *Server) shutdown(ctx context.Context, srv *http.Server) error {
	err := srv.Shutdown(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.cfg.Log.Warn("clients that did not finish their requests in time are cut off")
	return srv.Close()
}

func serve(srv *http.Server, l net.Listener) error {
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// flush stores times of last use now and then. A failure is tried again.
func (s *Server) flush(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := s.data.dir.FlushLastUsed(ctx); err != nil && ctx.Err() == nil {
				s.cfg.Log.Error("times of last use not stored", "error", err)
			}
		}
	}
}

// rotateRing gives the key ring a new key now and then. A failure is tried again.
func (s *Server) rotateRing(ctx context.Context) error {
	tick := time.NewTicker(ringKeyChecked)
	defer tick.Stop()
	for {
		if err := s.data.rotateRing(ctx, s.cfg.Log); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("key ring not rotated", "error", err)
		}
		if err := s.iam.RotateIssuers(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("keys of issuers not rotated", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// release gives up what an Open that failed has taken.
func (s *Server) release(ctx context.Context) {
	if s.listener != nil {
		s.listener.Close()
	}
	if s.admin != nil {
		s.admin.Close()
	}
	s.closeControl()
	if s.trail != nil {
		s.trail.close(ctx)
	}
	if s.data != nil {
		s.data.close(ctx)
	}
}

// dataFolder is an open data folder: the store and the directory on it.
type dataFolder struct {
	// making is held while an account and the files of its root user are made or
	// deleted, so that one that is refused touches no other's files.
	making sync.Mutex
	store  store.Store
	dir    *directory.Directory
	master *masterKey
	// archiver keeps the store's history; nil where that isn't wanted.
	archiver *archive.Archiver
}

func (d *dataFolder) close(ctx context.Context) error {
	err := d.dir.Close(ctx)
	if d.archiver != nil { // it takes what the directory has just written
		d.archiver.Close(ctx)
	}
	return errors.Join(err, d.store.Close())
}
