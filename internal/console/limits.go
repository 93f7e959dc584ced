package console

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limit is how often something may be tried: so often at once, and then once
// in each interval.
type limit struct {
	burst int
	every time.Duration
}

// Nobody is locked out for good: who was kept off by the attempts of another
// has a try again within seconds of their end.
var (
	perAccount = limit{burst: 10, every: 6 * time.Second}
	perAddress = limit{burst: 60, every: time.Second}
)

// network is what attempts of an address are counted by: an IPv6 client has as
// many addresses as it likes in its network of 64 bits.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Unmap().Is4() {
		return address
	}
	return netip.PrefixFrom(a.WithZone(""), 64).Masked().String()
}

// maxLimiters is how many names are remembered at least. A name that is
// forgotten has all its attempts again, but only after that many others.
const maxLimiters = 1 << 16

// limits counts attempts by name.
type limits struct {
	limit limit

	mu        sync.Mutex // guards the fields below
	now, last map[string]*rate.Limiter
}

func newLimits(l limit) *limits { return &limits{limit: l, now: map[string]*rate.Limiter{}} }

// allow counts an attempt of that name and reports whether it may be made.
func (l *limits) allow(name string, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	lim := l.now[name]
	if lim == nil {
		if len(l.now) >= maxLimiters {
			l.now, l.last = make(map[string]*rate.Limiter), l.now
		}
		if lim = l.last[name]; lim == nil {
			lim = rate.NewLimiter(rate.Every(l.limit.every), l.limit.burst)
		}
		l.now[name] = lim
	}
	return lim.AllowN(at, 1)
}
