package server

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sallyport-iam/sallyport/internal/delivery"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/gate"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/archive"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// metrics are what /metrics shows.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics(st store.Store, a *archive.Archiver) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_requests_total", Help: "Requests answered, by service, operation and HTTP status.",
		}, []string{"service", "operation", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sallyport_request_duration_seconds", Help: "Time from a request's headers to its answer, by service.",
			Buckets: prometheus.ExponentialBuckets(0.00005, 4, 9),
		}, []string{"service"}),
	}
	m.registry.MustRegister(m.requests, m.duration, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gauge := func(name, help string, value func(store.Stats) float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(st.Stats()) }))
	}
	gauge("sallyport_store_revision", "Newest committed revision of the store.", func(s store.Stats) float64 { return float64(s.Head) })
	gauge("sallyport_store_commits", "Transactions stored since the start.", func(s store.Stats) float64 { return float64(s.Commits) })
	gauge("sallyport_store_conflicts", "Transactions refused by a conflict since the start.", func(s store.Stats) float64 { return float64(s.Conflicts) })
	gauge("sallyport_store_disk_bytes", "Bytes of the store on disk.", func(s store.Stats) float64 { return float64(s.Disk) })
	if a != nil {
		m.archive(a)
	}
	return m
}

// archive adds what is to be known of the archive.
func (m *metrics) archive(a *archive.Archiver) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("sallyport_archive_lag_seconds", "How much history would be lost with the store: the time since all was archived.", func() float64 { return a.Lag().Seconds() })
	gauge("sallyport_archive_revision", "Revision up to which all is archived.", func() float64 { return float64(a.Status().Revision) })
	gauge("sallyport_archive_failures", "Attempts to archive that failed since the start.", func() float64 { return float64(a.Status().Failures) })
}

// trail adds what is to be known of the trail.
func (m *metrics) trail(log *trail.Log) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("sallyport_trail_events", "Events written to the trail since the start.", func() float64 { n, _, _, _ := log.Counts(); return float64(n) })
	gauge("sallyport_trail_failed", "Events that could not be written to the trail since the start.", func() float64 { _, _, _, n := log.Counts(); return float64(n) })
	gauge("sallyport_trail_bytes", "Bytes of the trail on disk.", func() float64 { return float64(log.Disk()) })
	gauge("sallyport_trail_refuses", "1 while changes are refused because they could not be remembered.", func() float64 {
		if log.Refuses() != nil {
			return 1
		}
		return 0
	})
}

// delivery adds what is to be known of the delivery of events.
func (m *metrics) delivery(d *delivery.Deliverer) {
	gauge := func(name, help string, value func() uint64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
	}
	gauge("sallyport_trail_delivered", "Log files and batches of events delivered since the start.", func() uint64 { n, _, _, _ := d.Counts(); return n })
	gauge("sallyport_trail_delivery_failures", "Attempts to deliver events that failed since the start.", func() uint64 { _, n, _, _ := d.Counts(); return n })
	gauge("sallyport_trail_delivery_failing", "Trails and streams whose last delivery failed.", func() uint64 { _, _, n, _ := d.Counts(); return n })
	gauge("sallyport_trail_delivery_behind", "Events of the trail that the slowest delivery has not come to yet.", func() uint64 { _, _, _, n := d.Counts(); return n })
}

// follow adds what a node on a shared store knows of how new its state is.
func (m *metrics) follow(dir *directory.Directory, now func() time.Time) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("sallyport_directory_staleness_seconds", "Time since the directory was last known to be the newest state; -1 where it never was.", func() float64 {
		if dir.Fresh().IsZero() {
			return -1
		}
		return now().Sub(dir.Fresh()).Seconds()
	})
	gauge("sallyport_store_reachable", "1 while the shared store answers, 0 while it does not.", func() float64 {
		if dir.Reachable() {
			return 1
		}
		return 0
	})
	gauge("sallyport_nodes", "Nodes on the shared store that are alive, this one included.", func() float64 { return float64(dir.Nodes()) })
}

func (m *metrics) observe(o gate.Observation) {
	m.requests.WithLabelValues(o.Service, o.Operation, strconv.Itoa(o.Status)).Inc()
	m.duration.WithLabelValues(o.Service).Observe(o.Duration.Seconds())
}

// adminHandler serves health and metrics.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", s.serveReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

// serveReady says whether requests are answered. A node that has lost its store
// answers them for a while, so it stays in the balancer's list, but says so.
func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	dir := s.data.dir
	switch err := dir.Failed(); {
	case err != nil:
		http.Error(w, "the directory no longer follows its store: "+err.Error(), http.StatusServiceUnavailable)
	case dir.Stale(s.cfg.Now()):
		http.Error(w, "the store is lost for longer than --max-staleness: all requests are refused", http.StatusServiceUnavailable)
	case !dir.Reachable():
		fmt.Fprintf(w, "ready, but the store is lost since %s: changes are refused\n", dir.Fresh().UTC().Format(time.RFC3339))
	default:
		io.WriteString(w, "ready\n")
	}
}
