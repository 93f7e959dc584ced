package etcdtest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
)

// network stands between the members: each has a proxy in front of its peer
// port. A partition is silent, as in a real network: connections stay, nothing
// comes through; when it is healed, the connections that it held up end.
type network struct {
	mu    sync.Mutex // guards the fields below
	names map[string]int
	cut   map[int]chan struct{} // closed when the member is healed
	conns map[net.Conn]bool
}

func newNetwork() *network {
	return &network{names: map[string]int{}, cut: map[int]chan struct{}{}, conns: map[net.Conn]bool{}}
}

// proxy forwards connections to a member. Who opened one is in the header of
// its first request.
func (n *network) proxy(ln net.Listener, member int, addr string) {
	for {
		in, err := ln.Accept()
		if err != nil {
			return
		}
		go n.forward(in, member, addr)
	}
}

func (n *network) forward(in net.Conn, member int, addr string) {
	out, err := net.Dial("tcp", addr)
	if err != nil {
		in.Close()
		return
	}
	n.add(in, out)
	defer n.remove(in, out)
	r := bufio.NewReader(in)
	l := link{to: member, from: sender(r)}
	done := make(chan struct{}, 2)
	go func() { n.copy(out, r, l); done <- struct{}{} }()
	go func() { n.copy(in, out, l); done <- struct{}{} }()
	<-done
}

// link is a connection between two members: to is an index, from the id by
// which etcd calls the other.
type link struct {
	to   int
	from string
}

// sender looks into the first request without taking it.
func sender(r *bufio.Reader) string {
	if _, err := r.Peek(1); err != nil {
		return ""
	}
	head, _ := r.Peek(r.Buffered()) // never an error for what is there
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return ""
	}
	return req.Header.Get("X-Server-From")
}

// copy forwards until an end closes, or a partition held something up.
func (n *network) copy(to io.Writer, from io.Reader, l link) {
	buf := make([]byte, 32<<10)
	for {
		k, err := from.Read(buf)
		if n.held(l) {
			return
		}
		if k > 0 {
			if _, err := to.Write(buf[:k]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// held waits while an end of the link is cut off and says whether one was.
func (n *network) held(l link) bool {
	n.mu.Lock()
	to := n.cut[l.to]
	var from chan struct{}
	if i, known := n.names[l.from]; known {
		from = n.cut[i]
	}
	n.mu.Unlock()
	if to != nil {
		<-to
	}
	if from != nil {
		<-from
	}
	return to != nil || from != nil
}

func (n *network) partition(member int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut[member] == nil {
		n.cut[member] = make(chan struct{})
	}
}

func (n *network) heal(member int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.cut[member]; c != nil {
		close(c)
		delete(n.cut, member)
	}
}

func (n *network) add(conns ...net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range conns {
		n.conns[c] = true
	}
}

func (n *network) remove(conns ...net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range conns {
		delete(n.conns, c)
		c.Close()
	}
}

// close ends all connections.
func (n *network) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for m, c := range n.cut {
		close(c)
		delete(n.cut, m)
	}
	for c := range n.conns {
		c.Close()
	}
}

// Road is a way of its own to a cluster, for one of its clients.
type Road struct {
	Endpoints []string // HOST:PORT in front of each member
	net       *network
}

// Road makes a way to all members that can be cut.
func (c *Cluster) Road() *Road {
	c.t.Helper()
	r := &Road{net: newNetwork()}
	for _, to := range c.Endpoints {
		ln := listen(c.t)
		c.t.Cleanup(func() { ln.Close() })
		go r.net.proxy(ln, 0, to)
		r.Endpoints = append(r.Endpoints, ln.Addr().String())
	}
	c.t.Cleanup(r.net.close)
	return r
}

// Cut cuts the way to all members, in both directions and silently.
func (r *Road) Cut() { r.net.partition(0) }

// Mend lets through again what Cut holds up.
func (r *Road) Mend() { r.net.heal(0) }
