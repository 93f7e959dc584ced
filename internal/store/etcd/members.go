package etcd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// ErrVersion means that a member runs an etcd that is too old. An error that
// wraps it wraps store.ErrUnavailable too.
var ErrVersion = errors.New("etcd is too old")

// minVersion is the first release without known faults in watching and
// compaction that would lose events.
var minVersion = [3]int{3, 5, 13}

// streamVersion is the first release with RangeStream.
var streamVersion = [3]int{3, 7, 0}

const (
	// sickFor is how long a member that did not answer is asked last.
	sickFor = 5 * time.Second
	// sickWaits is how long others may take to connect before it is asked again.
	sickWaits = 300 * time.Millisecond
	// connectFor bounds the wait for any member to take a connection.
	connectFor = 2 * time.Second
	// largest message that etcd sends; a page of records is far smaller.
	maxMessage = 1 << 30
)

// member is one etcd server with a connection of its own, so that it is known
// which of them does not answer: a paused one keeps its connections.
type member struct {
	endpoint string
	client   *clientv3.Client
	kv       pb.KVClient
	username string
	password string
	token    atomic.Pointer[string] // says to etcd that the user is authenticated; nil or empty where none is
	checked  atomic.Bool            // its version is good, and the token new
	streams  atomic.Bool            // it has RangeStream
	sick     atomic.Int64           // nanoseconds of the clock until which others are asked first
	disk     atomic.Int64           // bytes of its database, as of the last look
}

// members are the servers of the cluster. One is asked until it fails.
type members struct {
	all     []*member
	now     func() time.Time
	observe func(int64)   // is told of each revision that is seen
	current atomic.Uint32 // index into all
}

func dial(cfg Config, observe func(int64)) (_ *members, err error) {
	ms := &members{now: cfg.Now, observe: observe}
	defer func() {
		if err != nil {
			err = errors.Join(err, ms.close())
		}
	}()
	for _, ep := range cfg.Endpoints {
		m := &member{endpoint: ep, username: cfg.Username, password: cfg.Password}
		c, err := clientv3.New(clientv3.Config{
			Endpoints: []string{endpointURL(ep, cfg.TLS != nil)}, TLS: cfg.TLS,
			Logger: zap.NewNop(), DialTimeout: connectFor,
			// Only while requests wait: etcd takes more for an attack.
			DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 3 * time.Second,
			// Trying again is for us: a write that was sent twice can conflict with itself.
			MaxUnaryRetries: 1,
			DialOptions: []grpc.DialOption{grpc.WithPerRPCCredentials(m), grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
				MinConnectTimeout: connectFor,
			})},
		})
		if err != nil {
			return nil, fmt.Errorf("etcd client for %s: %w", ep, err)
		}
		m.client, m.kv = c, pb.NewKVClient(c.ActiveConnection())
		ms.all = append(ms.all, m)
	}
	return ms, nil
}

// endpointURL is an endpoint as etcd's client wants it.
func endpointURL(ep string, secure bool) string {
	switch {
	case strings.HasPrefix(ep, "unix://"):
		return ep
	case secure:
		return "https://" + ep
	}
	return "http://" + ep
}

func (ms *members) close() error {
	var errs []error
	for _, m := range ms.all {
		if err := m.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// pick returns a member that is connected and new enough, the same one as
// before where that is well. Its error wraps store.ErrUnavailable.
func (ms *members) pick(ctx context.Context) (*member, error) {
	ctx, cancel := context.WithTimeout(ctx, connectFor)
	defer cancel()
	var refused error
	for range len(ms.all) + 1 {
		m, err := ms.connected(ctx)
		if err != nil {
			return nil, errors.Join(refused, err)
		}
		if m.checked.Load() {
			return m, nil
		}
		if err := ms.check(ctx, m); err != nil {
			refused = err
			ms.failed(m)
			continue
		}
		return m, nil
	}
	return nil, refused
}

// connected returns the first member, from the current one on, that has a
// connection and is not sick; else a sick one; else it waits for any.
func (ms *members) connected(ctx context.Context) (*member, error) {
	first := int(ms.current.Load())
	now := ms.now().UnixNano()
	for _, sick := range []bool{false, true} {
		for i := range ms.all {
			m := ms.all[(first+i)%len(ms.all)]
			if m.client.ActiveConnection().GetState() == connectivity.Ready && (m.sick.Load() > now) == sick {
				return m, nil
			}
		}
		if !sick && ms.anyIdle(now) {
			break // rather connect to another than ask a sick one
		}
	}
	return ms.waitForAny(ctx)
}

// anyIdle reports whether a member that is not sick has no connection, and may
// have one for the asking.
func (ms *members) anyIdle(now int64) bool {
	for _, m := range ms.all {
		state := m.client.ActiveConnection().GetState()
		if m.sick.Load() <= now && (state == connectivity.Idle || state == connectivity.Connecting) {
			return true
		}
	}
	return false
}

// waitForAny connects to all members and returns the first that is there; a
// sick one only if no other shows soon.
func (ms *members) waitForAny(ctx context.Context) (*member, error) {
	waiting, cancel := context.WithCancel(ctx)
	ready := make(chan *member, len(ms.all))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	now := ms.now().UnixNano()
	for _, m := range ms.all {
		wg.Go(func() {
			if m.connect(waiting) && (m.sick.Load() <= now || later(waiting, sickWaits)) {
				ready <- m
			}
		})
	}
	select {
	case m := <-ready:
		return m, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: no etcd member can be reached", store.ErrUnavailable)
	}
}

// connect waits until the member has a connection.
func (m *member) connect(ctx context.Context) bool {
	conn := m.client.ActiveConnection()
	for {
		conn.Connect()
		state := conn.GetState()
		if state == connectivity.Ready {
			return true
		}
		if !conn.WaitForStateChange(ctx, state) {
			return false
		}
	}
}

// later waits, and says whether ctx still lives.
func later(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// failed makes the next pick prefer another member.
func (ms *members) failed(m *member) {
	m.sick.Store(ms.now().Add(sickFor).UnixNano())
	m.checked.Store(false) // it may come back as another version, and without its tokens
	i := ms.current.Load()
	if ms.all[i] == m {
		ms.current.CompareAndSwap(i, (i+1)%uint32(len(ms.all)))
	}
}

// check authenticates with a member and asks for its version.
func (ms *members) check(ctx context.Context, m *member) error {
	if err := m.authenticate(ctx); err != nil {
		return unavailable("authenticate with "+m.endpoint, err)
	}
	st, err := m.client.Status(ctx, m.client.Endpoints()[0])
	if err != nil {
		return unavailable("ask "+m.endpoint+" for its version", err)
	}
	v, err := parseVersion(st.Version)
	if err != nil || less(v, minVersion) {
		return fmt.Errorf("%w: %s runs version %s, at least %d.%d.%d is needed (%w)", ErrVersion, m.endpoint, st.Version,
			minVersion[0], minVersion[1], minVersion[2], store.ErrUnavailable)
	}
	m.disk.Store(st.DbSize)
	ms.observe(st.Header.Revision)
	m.streams.Store(!less(v, streamVersion))
	m.checked.Store(true)
	return nil
}

// authenticate gets a new token. etcd's client would do so too, but not
// without a member to be reached when it is made.
func (m *member) authenticate(ctx context.Context) error {
	if m.username == "" {
		return nil
	}
	resp, err := m.client.Authenticate(ctx, m.username, m.password)
	if errors.Is(err, rpctypes.ErrAuthNotEnabled) {
		m.token.Store(nil)
		return nil
	}
	if err != nil {
		return err
	}
	m.token.Store(&resp.Token)
	return nil
}

// GetRequestMetadata gives each request the token, as gRPC asks for it.
func (m *member) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if t := m.token.Load(); t != nil && *t != "" {
		return map[string]string{rpctypes.TokenFieldNameGRPC: *t}, nil
	}
	return nil, nil
}

// RequireTransportSecurity is false: whether there is TLS is the operator's choice.
func (m *member) RequireTransportSecurity() bool { return false }

// parseVersion reads MAJOR.MINOR.PATCH with anything after it.
func parseVersion(s string) (v [3]int, err error) {
	parts := strings.SplitN(s, ".", 3)
	if len(parts) != 3 {
		return v, fmt.Errorf("version %q", s)
	}
	if i := strings.IndexFunc(parts[2], func(c rune) bool { return c < '0' || c > '9' }); i >= 0 {
		parts[2] = parts[2][:i]
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return v, fmt.Errorf("version %q", s)
		}
		v[i] = int(n)
	}
	return v, nil
}

func less(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}
