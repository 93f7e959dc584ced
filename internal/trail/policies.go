package trail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// Kept texts are what events refer to by their SHA-256: the policies that decided
// a call, and which of them there were. They stand at p/ACCOUNT/DAY SUM, once a
// day, and expire with the day's events.
const (
	keptPrefix = "p/"
	sumSize    = 16 // bytes of a SHA-256 that name a text
)

// Text is something that events refer to. It must not change any more.
type Text struct {
	sum  [sumSize]byte
	body []byte
}

// NewText names a text.
func NewText(body []byte) Text {
	sum := sha256.Sum256(body)
	return Text{[sumSize]byte(sum[:]), body}
}

// Sum is the name of the text, hexadecimal.
func (t *Text) Sum() string { return hex.EncodeToString(t.sum[:]) }

// Deciding are the policies that took part in a decision. Session policies whose
// text is in the event are not among them.
type Deciding struct {
	Identity []KeptPolicy   `json:"identity,omitempty"`
	Boundary *KeptPolicy    `json:"boundary,omitempty"`
	Session  []KeptPolicy   `json:"session,omitempty"`
	SCPs     [][]KeptPolicy `json:"scps,omitempty"`
	RCPs     [][]KeptPolicy `json:"rcps,omitempty"`
	Resource *KeptPolicy    `json:"resource,omitempty"`
}

// KeptPolicy is a policy whose document is kept.
type KeptPolicy struct {
	Name string `json:"name,omitempty"`
	ARN  string `json:"arn,omitempty"`
	Kind uint8  `json:"kind"`
	Sum  string `json:"sum"` // of the document
}

// ErrNotKept: no text of that name is kept of that day.
var ErrNotKept = errors.New("the policies of that time are not kept")

func keptKey(account string, at time.Time, sum []byte) []byte {
	return append(dayKey(keptPrefix, account, day(at)), sum...)
}

// Kept is a text that an event of the account and the day refers to.
func (l *Log) Kept(account string, at time.Time, name string) ([]byte, error) {
	sum, err := hex.DecodeString(name)
	if err != nil || len(sum) != sumSize {
		return nil, ErrNotKept
	}
	value, closer, err := l.db.Get(keptKey(account, at, sum))
	if errors.Is(err, pebbledb.ErrNotFound) {
		return nil, ErrNotKept
	}
	if err != nil {
		return nil, fmt.Errorf("read text %s of the trail: %w", name, err)
	}
	defer closer.Close()
	return readKept(value, sum)
}

// readKept unpacks a text and holds it to its name.
func readKept(value, sum []byte) ([]byte, error) {
	body, err := decoder().DecodeAll(value, nil)
	if t := NewText(body); err != nil || !bytes.Equal(t.sum[:], sum) {
		return nil, errors.New("a kept policy was changed")
	}
	return body, nil
}

// Deciding are the policies that decided the call of an event, ErrNotKept where
// they are not known.
func (l *Log) Deciding(e *Event) (*Deciding, error) {
	body, err := l.Kept(e.RecipientAccountID, e.EventTime, e.Own.Policies)
	if err != nil {
		return nil, err
	}
	d := new(Deciding)
	if err := json.Unmarshal(body, d); err != nil {
		return nil, fmt.Errorf("policies of event %s: %w", e.EventID, err)
	}
	return d, nil
}

// keep adds the texts that an event brings.
func (b *batch) keep(e *Entry) error {
	for _, t := range e.Texts {
		if err := b.Set(keptKey(e.Account, e.Time, t.sum[:]), encoder().EncodeAll(t.body, nil), nil); err != nil {
			return err
		}
	}
	return nil
}

// texts holds the kept texts to their names.
func (v *verifier) texts(ctx context.Context) error {
	return v.each(ctx, keptPrefix, func(key, value []byte) {
		if len(key) < sumSize {
			v.found.problem("a kept policy has no name")
			return
		}
		if _, err := readKept(value, key[len(key)-sumSize:]); err != nil {
			v.found.problem("a policy that events refer to was changed: %x", key[len(key)-sumSize:])
		}
	})
}
