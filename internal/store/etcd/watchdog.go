package etcd

import "time"

// watchdog calls a function when it was started and not stopped in time.
type watchdog struct {
	t *time.Timer
	d time.Duration
}

func newWatchdog(d time.Duration, bark func()) *watchdog {
	w := &watchdog{t: time.AfterFunc(d, bark), d: d}
	w.stop()
	return w
}

func (w *watchdog) start() { w.t.Reset(w.d) }
func (w *watchdog) stop()  { w.t.Stop() }
