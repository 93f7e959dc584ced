// Command scale simulates deployments from a million to ten thousand million
// access keys, with accounts sharded over clusters, and prints what each needs
// and how it behaves:
//
//	go run ./internal/scale
//
// What it knows is in constants.go: what was measured, with its source, and
// what is assumed of the use. docs/scale.md explains the table.
package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"text/tabwriter"
	"time"
)

func main() {
	if err := report(os.Stdout, []float64{1e6, 1e7, 1e8, 1e9, 1e10}); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// report writes the table for so many keys each. It is the same every time.
func report(w io.Writer, sizes []float64) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "keys\tshards\tnodes\trequests/s\tchanges/s\tfullest: etcd\tnode\tload\tchanges/s\tseen p50\tp99\treplaced/s\tseen p50\tp99\t")
	for _, keys := range sizes {
		d := plan(keys, rand.New(rand.NewPCG(1, uint64(keys))))
		fmt.Fprintf(t, "%.0e\t%d\t%d\t%.0f\t%.0f\t%s\t%s\t%s\t%.1f\t%s\t%s\t%.0f\t%s\t%s\t\n",
			d.Keys, d.Shards, d.Nodes, d.Requests, d.Changes,
			gib(d.Fullest*recordsPerKey*clusterBytes/clusterRecords), gib(d.Memory), d.Load.Round(time.Second),
			d.Changes*d.Fullest/d.Keys, ms(d.Seen.p50), ms(d.Seen.p99), d.Replaced, ms(d.ReplacedSeen.p50), ms(d.ReplacedSeen.p99))
	}
	return t.Flush()
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
func gib(b float64) string      { return fmt.Sprintf("%.2f GiB", b/(1<<30)) }
