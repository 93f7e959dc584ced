package server

import "testing"

func TestPercentFor(t *testing.T) {
	for _, tt := range []struct {
		live uint64
		want int
	}{
		{0, 100},
		{8 << 20, 100},
		{64 << 20, 100},
		{128 << 20, 62},
		{512 << 20, 25},
		{8 << 30, 13},
	} {
		if got := percentFor(tt.live); got != tt.want {
			t.Errorf("percentFor(%d MiB) = %d, want %d", tt.live>>20, got, tt.want)
		}
	}
	if liveHeap() > 1<<40 {
		t.Errorf("liveHeap() = %d", liveHeap())
	}
}
