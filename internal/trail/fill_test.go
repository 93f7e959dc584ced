package trail

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	fillDir    = flag.String("fill", "", "folder in which TestFill makes a trail, and which BenchmarkSearch asks")
	fillEvents = flag.Int("events", 1_000_000, "events that TestFill makes")
)

// Sizes of what TestFill makes, in an account.
const (
	filledDays  = 30
	filledUsers = 2000 // with a key each
	filledNames = 60
)

func filledUser(i int) string { return fmt.Sprint("user-", i) }
func filledKey(i int) string  { return fmt.Sprintf("AKIAIOSFODNN7%07d", i) }
func filledName(i int) string { return fmt.Sprint("Operation", i) }

// filledEvent is the event number n of a month: few users and operations make
// most of the calls, and each call is about one of many resources.
func filledEvent(rnd *rand.Rand, at time.Time) *Event {
	user := int(rnd.ExpFloat64() * filledUsers / 8)
	for user >= filledUsers {
		user = rnd.IntN(filledUsers)
	}
	name := min(int(rnd.ExpFloat64()*filledNames/6), filledNames-1)
	about := fmt.Sprint("resource-", rnd.IntN(100_000))
	id := fmt.Sprintf("%012x-7%03x-8%03x-%012x", at.UnixMilli(), rnd.IntN(1<<12), rnd.IntN(1<<12), rnd.Int64N(1<<48))
	id = id[:8] + "-" + id[8:]
	e := &Event{
		EventVersion: Version, EventTime: at, EventSource: "iam.amazonaws.com", EventName: filledName(name), AWSRegion: "us-east-1",
		SourceIPAddress: fmt.Sprintf("192.0.2.%d", user%256), UserAgent: "aws-sdk-go-v2/1.41.0 os/linux lang/go#1.26 md/GOARCH#amd64 api/iam#1.53.0",
		RequestID: id, EventID: id, ReadOnly: name%3 != 0, EventType: TypeAPICall, ManagementEvent: true, EventCategory: CategoryAPI,
		RecipientAccountID: "111122223333", RequestParameters: json.RawMessage(`{"userName":"` + about + `"}`),
		UserIdentity: Identity{Type: IdentityUser, PrincipalID: fmt.Sprintf("AIDAIOSFODNN7%07d", user), ARN: "arn:aws:iam::111122223333:user/" + filledUser(user), AccountID: "111122223333", AccessKeyID: filledKey(user), UserName: filledUser(user)},
		Own:          Own{Decision: "Allow", Reason: "allowed by statement 0 of own", Micros: rnd.Int64N(900), Revision: uint64(rnd.IntN(1 << 20)), Action: "iam:" + filledName(name), Targets: []string{"arn:aws:iam::111122223333:user/" + about}, Named: []Name{{"AWS::IAM::User", about}}},
	}
	if rnd.IntN(20) == 0 {
		e.ErrorCode, e.ErrorMessage, e.Own.Decision = "AccessDenied", "User is not authorized to perform this on that", "Deny"
	}
	return e
}

// TestFill makes a trail of a month for BenchmarkSearch, and tells how fast and
// how large it was. By hand:
//
//	go test -run TestFill ./internal/trail -fill DIR
func TestFill(t *testing.T) {
	if *fillDir == "" {
		t.Skip("no -fill")
	}
	l, err := Open(*fillDir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(9, 10))
	began := time.Now()
	for n := 0; n < *fillEvents; {
		at := epoch.Add(time.Duration(float64(n) / float64(*fillEvents) * filledDays * 24 * float64(time.Hour))).Truncate(time.Second)
		for range min(1+int(rnd.ExpFloat64()*2), *fillEvents-n) { // calls come in flocks
			if err := l.Note(filledEvent(rnd, at).Entry()); err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	if err := l.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(*fillDir, Options{}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events in %v: %.0f a second, %d bytes each", *fillEvents, took.Round(time.Millisecond), float64(*fillEvents)/took.Seconds(), l.Disk()/uint64(*fillEvents))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkSearch asks a trail that TestFill has made, each time for another
// value: the newest 50 events, as LookupEvents does, and all of them.
func BenchmarkSearch(b *testing.B) {
	if *fillDir == "" {
		b.Skip("no -fill")
	}
	l, err := Open(*fillDir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	rnd := rand.New(rand.NewPCG(11, 12))
	for _, max := range []int{50, 0} {
		for _, bb := range []struct {
			name   string
			filter func() Filter
		}{
			{"key", func() Filter { return Filter{Key: filledKey(rnd.IntN(filledUsers))} }},
			{"user", func() Filter { return Filter{User: filledUser(rnd.IntN(filledUsers))} }},
			{"name", func() Filter { return Filter{Name: filledName(filledNames - 1 - rnd.IntN(filledNames/2))} }},
			{"resource", func() Filter { return Filter{Resource: fmt.Sprint("resource-", rnd.IntN(100_000))} }},
			{"user and name", func() Filter {
				return Filter{User: filledUser(rnd.IntN(filledUsers)), Name: filledName(rnd.IntN(filledNames))}
			}},
			{"nobody", func() Filter { return Filter{User: "nobody"} }},
		} {
			b.Run(fmt.Sprintf("%s/max=%d", bb.name, max), func(b *testing.B) {
				found, most := 0, time.Duration(0)
				for b.Loop() {
					f := bb.filter()
					f.Max = max
					began := time.Now()
					if err := l.Search(b.Context(), f, func([]byte) error { found++; return nil }); err != nil {
						b.Fatal(err)
					}
					most = longer(most, time.Since(began))
				}
				b.ReportMetric(float64(found)/float64(b.N), "events/op")
				b.ReportMetric(float64(most.Microseconds())/1000, "ms-most")
			})
		}
	}
}

func longer(a, b time.Duration) time.Duration { return max(a, b) }
