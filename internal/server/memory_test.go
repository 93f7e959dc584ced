package server

import (
	"runtime"
	"testing"
)

// TestLiveHeap: the runtime has the metric under this name.
func TestLiveHeap(t *testing.T) {
	runtime.GC()
	if n := liveHeap(); n == 0 || n > 1<<40 {
		t.Errorf("liveHeap() = %d", n)
	}
}
