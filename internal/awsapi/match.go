package awsapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Param is a label of a REST path with its value, unescaped.
type Param struct{ Name, Value string }

// Params are the labels of a REST path, in the order of the path.
type Params []Param

// Lookup returns the value of a label.
func (p Params) Lookup(name string) (string, bool) {
	for _, x := range p {
		if x.Name == name {
			return x.Value, true
		}
	}
	return "", false
}

// route is an operation's HTTP binding, taken apart.
type route struct {
	op       *Operation
	segments []segment
	query    []Param  // literal parts: ?versions, ?list-type=2
	params   []string // query parameters that the input requires
	headers  []string // headers that the input requires
}

type segment struct {
	text   string // literal, or the label's name
	label  bool
	greedy bool // takes the rest of the path
}

// Match finds the operation of a REST request and the values of its labels. The
// path is as it was sent, escaped, with S3's bucket in it. It returns nil where
// nothing matches, and where a request asks for two things at once (?acl&policy):
// what a server would make of that can't be known.
//
// Operations that only a header tells apart (S3's CopyObject and UploadPartCopy)
// need MatchHeader.
func (s *Service) Match(method, escapedPath string, query url.Values) (*Operation, Params) {
	return s.MatchHeader(method, escapedPath, query, nil)
}

// MatchHeader is Match with the request's headers, which tell copies from writes.
func (s *Service) MatchHeader(method, escapedPath string, query url.Values, header http.Header) (*Operation, Params) {
	s.routeOnce.Do(func() { s.routes = newRoutes(s) })
	var found []candidate
	best := -1
	for i := range s.routes {
		rt := &s.routes[i]
		if rt.op.Method != method || !rt.matches(escapedPath, query) {
			continue
		}
		found = append(found, candidate{rt, rt.scored(query, header)})
		if last := len(found) - 1; best < 0 || found[last].compare(found[best].score) > 0 {
			best = last
		}
	}
	if best < 0 || slices.ContainsFunc(found, found[best].rivals) {
		return nil, nil
	}
	params, ok := found[best].labels(escapedPath)
	if !ok {
		return nil, nil
	}
	return found[best].op, params
}

func newRoutes(s *Service) []route {
	var routes []route
	for op := range s.Operations() {
		if !op.Deprecated || !s.succeeded(op) {
			routes = append(routes, newRoute(op))
		}
	}
	return routes
}

// succeeded reports whether a newer operation has op's binding: S3's
// GetBucketLifecycleConfiguration that of GetBucketLifecycle.
func (s *Service) succeeded(op *Operation) bool {
	return slices.ContainsFunc(s.operations, func(o Operation) bool {
		return !o.Deprecated && o.Method == op.Method && o.URI == op.URI
	})
}

func newRoute(op *Operation) route {
	path, rawQuery, _ := strings.Cut(op.URI, "?")
	rt := route{op: op, segments: splitTemplate(path)}
	for part := range strings.SplitSeq(rawQuery, "&") {
		if name, value, _ := strings.Cut(part, "="); name != "" {
			rt.query = append(rt.query, Param{name, value})
		}
	}
	if op.Input == nil {
		return rt
	}
	for i := range op.Input.Members {
		m := &op.Input.Members[i]
		switch {
		case m.Required && m.Location == InQuery:
			rt.params = append(rt.params, m.WireName())
		case m.Required && m.Location == InHeader:
			rt.headers = append(rt.headers, m.WireName())
		}
	}
	return rt
}

func splitTemplate(path string) []segment {
	var list []segment
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		name, label := strings.CutPrefix(part, "{")
		name = strings.TrimSuffix(name, "}")
		name, greedy := strings.CutSuffix(name, "+")
		if part != "" {
			list = append(list, segment{name, label, greedy && label})
		}
	}
	return list
}

// matches reports whether path and literal query are the route's.
func (rt *route) matches(path string, query url.Values) bool {
	for _, q := range rt.query {
		values, ok := query[q.Name]
		if !ok || q.Value != "" && !slices.Contains(values, q.Value) {
			return false
		}
	}
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return false
	}
	for _, seg := range rt.segments {
		if rest == "" {
			return false
		}
		if seg.greedy {
			return true
		}
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		if part == "" || !seg.label && part != seg.text {
			return false
		}
	}
	return rest == ""
}

// labels returns the values of the path's labels; false if one is badly escaped,
// or is a bucket with a slash in it.
func (rt *route) labels(path string) (Params, bool) {
	var params Params
	rest := strings.TrimPrefix(path, "/")
	for _, seg := range rt.segments {
		part := rest
		if !seg.greedy {
			part, rest, _ = strings.Cut(rest, "/")
		}
		if !seg.label {
			continue
		}
		value, err := url.PathUnescape(part)
		if err != nil || rt.op.Service.Protocol == RESTXML && !seg.greedy && strings.Contains(value, "/") {
			return nil, false // a bucket b%2Fk might be the key k of b to another server
		}
		params = append(params, Param{seg.text, value})
	}
	return params, true
}

// score orders the routes that match one request.
type score struct {
	literals int // literal segments of the path
	filters  int // literal parts of the query
	missing  int // required parameters and headers that the request lacks
	present  int // and those it has
}

func (rt *route) scored(query url.Values, header http.Header) score {
	sc := score{filters: len(rt.query)}
	for _, seg := range rt.segments {
		if !seg.label {
			sc.literals++
		}
	}
	count := func(has bool) {
		if has {
			sc.present++
		} else {
			sc.missing++
		}
	}
	for _, name := range rt.params {
		count(query.Has(name))
	}
	for _, name := range rt.headers {
		count(header.Get(name) != "")
	}
	return sc
}

func (a score) compare(b score) int {
	for _, d := range []int{a.literals - b.literals, a.filters - b.filters, b.missing - a.missing, a.present - b.present} {
		if d != 0 {
			return d
		}
	}
	return 0
}

// candidate is a route that matches a request.
type candidate struct {
	*route
	score
}

// rivals reports whether the request asks for other as well as for c: other is
// as specific by its path, all that it needs is there, and part of that means
// nothing to c.
func (c candidate) rivals(other candidate) bool {
	if other.literals != c.literals || other.missing > 0 {
		return false
	}
	for _, q := range other.query {
		if !c.names(q.Name) {
			return true
		}
	}
	return slices.ContainsFunc(other.params, func(name string) bool { return !c.names(name) })
}

// names reports whether the route needs the query parameter.
func (rt *route) names(param string) bool {
	return slices.Contains(rt.params, param) ||
		slices.ContainsFunc(rt.query, func(q Param) bool { return q.Name == param })
}
