package trail

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// Attribute is what events can be looked up by.
type Attribute string

// The attributes of CloudTrail's LookupEvents, and the request's id.
const (
	EventID      Attribute = "EventId"
	EventName    Attribute = "EventName"
	ReadOnly     Attribute = "ReadOnly"
	Username     Attribute = "Username"
	ResourceType Attribute = "ResourceType"
	ResourceName Attribute = "ResourceName"
	EventSource  Attribute = "EventSource"
	AccessKeyID  Attribute = "AccessKeyId"
	RequestID    Attribute = "RequestId"
)

// short are the attributes as keys of the database have them. Ids are not among
// them: they hold the time of their event, which leads to it.
var short = map[Attribute]byte{
	EventName: 'n', ReadOnly: 'w', Username: 'u', ResourceType: 't', ResourceName: 'r', EventSource: 's', AccessKeyID: 'k',
}

// attributes are those of short, by their letter.
var attributes = func() (all [256]Attribute) {
	for a, letter := range short {
		all[letter] = a
	}
	return all
}()

// Key is a value of an attribute, by which an event is found.
type Key struct {
	Attribute Attribute
	Value     string
}

// Keys of the database. TIME is nanoseconds of a whole second, SEQ the number of
// a block's first event, both of 8 bytes, the highest first; DAY is the days
// since 1970 in 4 bytes.
//
//	o/SEQ                                  ACCOUNT/TIME and the block's link of the chain: the order in which events came
//	e/ACCOUNT/DAY TIME SEQ                 a block of events
//	p/ACCOUNT/DAY SUM                      a text that events of the day refer to
//	x/ACCOUNT/DAY ATTRIBUTE VALUE 0 TIME SEQ   nothing: an index of the block
const (
	orderPrefix = "o/"
	eventPrefix = "e/"
	indexPrefix = "x/"
	placeSize   = 16 // bytes of TIME SEQ
	dayLength   = 24 * time.Hour
	maxValue    = 512 // bytes of a value in an index; longer ones are found by their beginning
)

// after is the first key behind all keys with a prefix.
func after(prefix string) []byte {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return b[:i+1]
		}
	}
	return nil
}

// day is the day of a time.
func day(t time.Time) uint32 {
	if t.Unix() < 0 {
		return 0
	}
	return uint32(t.Unix() / int64(dayLength/time.Second))
}

// place is where in time an event stands.
type place struct {
	nanos int64
	seq   uint64
}

func (p place) time() time.Time { return time.Unix(0, p.nanos).UTC() }

func (p place) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(p.nanos))
	return binary.BigEndian.AppendUint64(b, p.seq)
}

// placeAt reads the place at the end of a key.
func placeAt(key []byte) (place, error) {
	if len(key) < placeSize {
		return place{}, fmt.Errorf("key %q of the trail is too short", key)
	}
	end := key[len(key)-placeSize:]
	return place{int64(binary.BigEndian.Uint64(end)), binary.BigEndian.Uint64(end[8:])}, nil
}

// dayKey is the beginning of all keys of an account's day.
func dayKey(prefix, account string, d uint32) []byte {
	b := append([]byte(prefix), account...)
	b = append(b, '/')
	return binary.BigEndian.AppendUint32(b, d)
}

func eventKey(account string, p place) []byte {
	return p.append(dayKey(eventPrefix, account, day(p.time())))
}

// indexKey is the beginning of the keys that lead to a day's events with a value.
func indexKey(account string, d uint32, k Key) []byte {
	b := append(dayKey(indexPrefix, account, d), short[k.Attribute])
	b = append(b, cut(k.Value)...)
	return append(b, 0)
}

// cut makes a value fit into a key: no zero byte, no more than maxValue.
func cut(value string) string {
	if len(value) > maxValue {
		value = value[:maxValue]
	}
	return strings.ReplaceAll(value, "\x00", "\x01")
}

func orderKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte(orderPrefix), seq) }
