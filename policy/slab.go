package policy

// slab hands out short slices of one long one, so that a document of many small
// lists costs few allocations. The zero value allocates each slice by itself.
type slab[T any] struct{ free []T }

func newSlab[T any](n int) slab[T] { return slab[T]{make([]T, n)} }

// take returns an empty slice with room for n.
func (s *slab[T]) take(n int) []T {
	if n > len(s.free) {
		return make([]T, 0, n)
	}
	out := s.free[:0:n]
	s.free = s.free[n:]
	return out
}
