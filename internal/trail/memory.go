package trail

import "slices"

// memory holds the records and keys of the events that wait for the disk, so
// that no event needs memory of its own.
type memory struct {
	texts []byte
	names []Key
}

// Sizes of the pieces of memory.
const (
	textPiece = 256 << 10 // bytes
	namePiece = 2 << 10   // keys
)

// text copies a record. What was copied before stays where it is when a new
// piece begins.
func (m *memory) text(b []byte) []byte {
	if b == nil {
		return nil
	}
	if len(m.texts)+len(b) > cap(m.texts) {
		m.texts = make([]byte, 0, max(textPiece, 2*cap(m.texts), len(b)))
	}
	start := len(m.texts)
	m.texts = append(m.texts, b...)
	return slices.Clip(m.texts[start:])
}

func (m *memory) keys(k []Key) []Key {
	if len(m.names)+len(k) > cap(m.names) {
		m.names = make([]Key, 0, max(namePiece, 2*cap(m.names), len(k)))
	}
	start := len(m.names)
	m.names = append(m.names, k...)
	return slices.Clip(m.names[start:])
}

// reset empties the memory, of which nothing may be in use any more.
func (m *memory) reset() {
	clear(m.names[:cap(m.names)])
	m.texts, m.names = m.texts[:0], m.names[:0]
}
