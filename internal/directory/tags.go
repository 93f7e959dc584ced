package directory

import (
	"cmp"
	"slices"
	"strings"
)

// mergeTags puts added among tags. Keys of users compare without regard to
// case and keep the order in which they came; those of policies compare
// exactly and stand by length, then by bytes.
func (tx *Tx) mergeTags(tags, added []Tag, foldCase bool) ([]Tag, error) {
	if err := checkTags(added, foldCase); err != nil {
		return nil, err
	}
	out := slices.Clone(tags)
	for _, t := range added {
		if i := tagIndex(out, t.Key, foldCase); i >= 0 {
			out[i] = t // the new spelling wins
		} else {
			out = append(out, t)
		}
	}
	if err := tx.within(QuotaTags, len(out)); err != nil {
		return nil, err
	}
	if !foldCase {
		slices.SortFunc(out, func(a, b Tag) int {
			return cmp.Or(cmp.Compare(len(a.Key), len(b.Key)), cmp.Compare(a.Key, b.Key))
		})
	}
	return out, nil
}

func checkTags(tags []Tag, foldCase bool) error {
	for i, t := range tags {
		if tagIndex(tags[:i], t.Key, foldCase) >= 0 {
			return &DuplicateTags{FoldCase: foldCase}
		}
		for _, text := range []string{t.Key, t.Value} {
			if len(text) >= 4 && strings.EqualFold(text[:4], "aws:") {
				return &ReservedTag{Text: text}
			}
		}
	}
	return nil
}

// withoutTags drops those keys; one that isn't there is no error.
func withoutTags(tags []Tag, keys []string, foldCase bool) []Tag {
	out := slices.Clone(tags)
	for _, key := range keys {
		if i := tagIndex(out, key, foldCase); i >= 0 {
			out = slices.Delete(out, i, i+1)
		}
	}
	return out
}

func tagIndex(tags []Tag, key string, foldCase bool) int {
	return slices.IndexFunc(tags, func(t Tag) bool {
		return t.Key == key || foldCase && strings.EqualFold(t.Key, key)
	})
}
