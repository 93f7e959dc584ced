package policy

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file looks for a request that one set of policies allows and another
// doesn't. It tries what the policies themselves speak of: every find is
// evaluated, so a bad guess costs time only.

// Bounds of the search: requests for one cell and in all, contexts, texts for
// one pattern.
const (
	maxTried    = 10_000
	maxTriedAll = 100_000
	maxContexts = 200
	maxTexts    = 40
)

// example returns a request within the cell that b allows and a doesn't, or nil.
func (c *comparer) example(o *openCell) *Request {
	tried := 0
	principals := c.principals(o)
	for _, ctx := range c.contexts(o) {
		if o.matchConditions(ctx) != nil {
			continue
		}
		actions, resources := c.actionsFor(o), c.resourcesFor(o, ctx)
		for _, p := range principals {
			for _, action := range actions {
				for _, resource := range resources {
					tried, c.tried = tried+1, c.tried+1
					if tried > maxTried || c.tried > maxTriedAll {
						return nil
					}
					req := &Request{Action: action, Resource: resource, ResourceAccount: p.Account, Principal: p, Context: ctx}
					if c.shows(req) {
						return req
					}
				}
			}
		}
	}
	return nil
}

// others returns the statements whose texts may lie inside the cell.
func (c *comparer) others(o *openCell) []*extent {
	if o.deny != nil {
		return append([]*extent{o.deny}, c.aAllows...)
	}
	return slices.Concat(c.aAllows, c.aDenies, c.bDenies)
}

// actionsFor returns names of actions that the statement covers: known ones
// first, then those that come of filling in patterns.
func (c *comparer) actionsFor(o *openCell) []string {
	var out []string
	try := func(name string) {
		if len(out) < maxTexts && o.matchAction(name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if o.deny != nil {
		for _, g := range o.deny.actions {
			g.fillings(nil, try)
		}
	}
	if o.action >= 0 {
		pattern := newGlob(o.raw.action.items[o.action].text)
		for _, name := range c.opts.Actions {
			if pattern.matchFold(name) && len(out) < maxTexts/2 {
				try(name)
			}
		}
		template := template{text: o.raw.action.items[o.action].text}
		newShape(&template, true).fillings(nil, try)
	}
	for _, name := range c.opts.Actions {
		try(name)
	}
	for _, name := range []string{"s3:GetObject", "iam:CreateUser", "ec2:RunInstances"} {
		try(name)
	}
	for _, e := range c.others(o) {
		for _, g := range e.actions {
			g.fillings(nil, try)
		}
	}
	return out
}

// resourcesFor returns resources that the statement covers.
func (c *comparer) resourcesFor(o *openCell, ctx *Context) []string {
	var out []string
	try := func(text string) {
		t := newTarget(text)
		if len(out) < maxTexts && o.matchResource(&t, ctx) && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if o.deny != nil {
		for i := range o.deny.resources {
			o.deny.resources[i].fillings(ctx, try)
		}
	}
	if o.resource >= 0 {
		o.resources[o.resource].fillings(ctx, try)
	}
	for _, text := range []string{"*", "arn:aws:s3:::example-bucket/example", "arn:aws:s3:::example-bucket"} {
		try(text)
	}
	for _, e := range c.others(o) {
		for i := range e.resources {
			e.resources[i].fillings(ctx, try)
		}
	}
	return out
}

// fillings calls f with texts that match the shape: its stars give way to
// nothing, a word, or words with a slash.
func (s shape) fillings(ctx *Context, f func(text string)) {
	if s.never {
		return
	}
	for _, word := range []string{"example", "", "x", "z/example"} {
		var b strings.Builder
		for i := range s.symbols {
			switch y := &s.symbols[i]; y.kind {
			case symAny:
				b.WriteString(word)
			case symOne:
				b.WriteByte('x')
			case symChar:
				b.WriteRune(y.char)
			default:
				b.WriteString(y.value(ctx))
			}
		}
		f(b.String())
	}
}

// value is what the variable holds, or a word for it.
func (q *symbol) value(ctx *Context) string {
	if v := ctx.find(q.of.key); v != nil && v.kind == valueSingle {
		return v.one
	}
	if q.of.hasDefault {
		return q.of.text
	}
	return "example"
}

func (s *resourceShape) fillings(ctx *Context, f func(text string)) {
	if s.any {
		f("*")
		f("arn:aws:s3:::example-bucket/example")
	}
	if s.any || s.never {
		return
	}
	var heads []string
	for i, field := range s.fields[:len(s.fields)-1] {
		text := ""
		field.fillings(ctx, func(filled string) {
			if text == "" {
				text = filled
			}
		})
		if i == 4 && strings.Contains(text, "example") {
			text = exampleAccount
		}
		heads = append(heads, text)
	}
	s.fields[len(s.fields)-1].fillings(ctx, func(filled string) {
		f(strings.Join(heads, ":") + ":" + filled)
	})
}

const exampleAccount = "111122223333"

// principals returns callers whom the cell names.
func (c *comparer) principals(o *openCell) []Principal {
	out := []Principal{{Type: User, ARN: "arn:aws:iam::" + exampleAccount + ":user/example", Account: exampleAccount}}
	if !o.hasPrincipal {
		return out
	}
	out = append(out, Principal{})
	for _, e := range append([]*extent{o.extent}, c.others(o)...) {
		for _, p := range e.principals {
			out = append(out, p.someone())
		}
	}
	q := &Context{}
	return slices.DeleteFunc(out, func(p Principal) bool { return o.matchPrincipal(&p, false, q) == 0 })
}

// someone returns a caller whom the entry names.
func (e principalEntry) someone() Principal {
	user := func(account string) Principal {
		return Principal{Type: User, ARN: "arn:aws:iam::" + account + ":user/example", Account: account}
	}
	switch e.kind {
	case byAccount:
		return user(e.text)
	case byID:
		if strings.HasPrefix(e.text, "AROA") {
			return Principal{Type: AssumedRole, ARN: "arn:aws:sts::" + exampleAccount + ":assumed-role/example/example", Account: exampleAccount, ID: e.text}
		}
		p := user(exampleAccount)
		p.ID = e.text
		return p
	case byService:
		return Principal{Type: Service, Service: e.text}
	case byProvider:
		if strings.Contains(e.text, ":saml-provider/") {
			return Principal{Type: SAML, Provider: e.text}
		}
		return Principal{Type: WebIdentity, Provider: e.text}
	case byCanonicalID:
		p := user(exampleAccount)
		p.CanonicalID = e.text
		return p
	case byARN:
		return withARN(e.text)
	}
	return user(exampleAccount)
}

func withARN(text string) Principal {
	fields := strings.SplitN(text, ":", 6)
	if len(fields) < 6 {
		return Principal{}
	}
	p := Principal{ARN: text, Account: fields[4]}
	name := fields[5][strings.LastIndexByte(fields[5], '/')+1:]
	switch {
	case strings.HasPrefix(fields[5], "role/"):
		p.Type, p.RoleARN = AssumedRole, text
		p.ARN = "arn:" + fields[1] + ":sts::" + p.Account + ":assumed-role/" + name + "/example"
	case strings.HasPrefix(fields[5], "assumed-role/"):
		p.Type = AssumedRole
	case strings.HasPrefix(fields[5], "federated-user/"):
		p.Type = FederatedUser
	default:
		p.Type = User
	}
	return p
}

// keyOptions are the values of one condition key that the search tries.
type keyOptions struct {
	key    string
	multi  bool
	values []string // besides none at all
}

// contexts returns sets of keys under which the cell's conditions hold and
// those of others may or may not.
func (c *comparer) contexts(o *openCell) []*Context {
	byKey := map[string]*keyOptions{}
	add := func(s *statement) {
		for i := range s.conditions {
			s.conditions[i].propose(byKey)
		}
		for i := range s.resources {
			s.resources[i].tail.variables(func(name string) { propose(byKey, name, "example") })
		}
	}
	add(o.statement)
	for _, e := range c.others(o) {
		add(e.statement)
	}
	names := slices.Sorted(maps.Keys(byKey))
	choices := make([][]int, len(names)) // numbers of values, -1 for an absent key
	for i, name := range names {
		choices[i] = o.choices(byKey[name])
	}
	return combine(byKey, names, choices)
}

// choices returns which values of a key the cell's own conditions pass.
func (o *openCell) choices(k *keyOptions) []int {
	var out []int
	for v := -1; v < len(k.values); v++ {
		ctx := &Context{}
		k.put(ctx, v)
		holds := true
		for i := range o.conditions {
			c := &o.conditions[i]
			if equalFold(c.key.name, k.key) && !c.hasVariable() {
				holds = holds && c.holds(ctx)
			}
		}
		if holds {
			out = append(out, v)
		}
	}
	return out
}

func (c *condition) hasVariable() bool {
	found := false
	one := condition{texts: c.texts, patterns: c.patterns, arns: c.arns}
	one.keys(func(name string) { found = found || name != "" })
	return found
}

func (k *keyOptions) put(ctx *Context, v int) {
	switch {
	case v < 0:
	case k.multi:
		ctx.SetValues(k.key, k.values[v])
	default:
		ctx.Set(k.key, k.values[v])
	}
}

// combine makes contexts: the first choice for each key, each other choice
// alone, and mixtures.
func combine(byKey map[string]*keyOptions, names []string, choices [][]int) []*Context {
	var out []*Context
	emit := func(pick func(i int) int) {
		ctx := &Context{}
		for i, name := range names {
			if n := len(choices[i]); n > 0 {
				byKey[name].put(ctx, choices[i][pick(i)%n])
			}
		}
		out = append(out, ctx)
	}
	emit(func(int) int { return 0 })
	emit(func(int) int { return 1 })
	for i := range names {
		for v := 1; v < len(choices[i]) && len(out) < maxContexts/2; v++ {
			emit(func(j int) int { return map[bool]int{true: v, false: 0}[i == j] })
			emit(func(j int) int { return map[bool]int{true: v, false: 1}[i == j] })
		}
	}
	for state := uint32(1); len(out) < maxContexts && len(names) > 1; {
		emit(func(int) int {
			state = state*1664525 + 1013904223
			return int(state >> 16)
		})
	}
	return out
}

func propose(byKey map[string]*keyOptions, name, value string) *keyOptions {
	folded := lowerASCII(name)
	k := byKey[folded]
	if k == nil {
		k = &keyOptions{key: name, multi: Multivalued(name)}
		byKey[folded] = k
	}
	if len(k.values) < maxTexts && !slices.Contains(k.values, value) {
		k.values = append(k.values, value)
	}
	return k
}

// propose adds values that the condition tells apart.
func (c *condition) propose(byKey map[string]*keyOptions) {
	k := propose(byKey, c.key.name, "example")
	k.multi = k.multi || c.operator.set != setNone
	try := func(value string) { propose(byKey, c.key.name, value) }
	for _, s := range c.shapes() {
		s.fillings(nil, try)
	}
	for _, n := range c.numbers {
		n.around(try)
	}
	for _, d := range c.dates {
		for _, sec := range []int64{d, d - 1, d + 1} {
			try(time.Unix(sec, 0).UTC().Format(time.RFC3339))
		}
	}
	for _, b := range c.binary {
		try(b.text)
	}
	for _, r := range c.ranges {
		try(r.Addr().String())
		try(lastAddr(r).String())
		try(lastAddr(r).Next().String())
	}
	for i := range c.arns {
		newShape(&c.arns[i].template, true).fillings(nil, try)
	}
	switch c.test {
	case testBool:
		try("true")
		try("false")
	case testIP:
		try("192.0.2.1")
	case testARN:
		try("arn:aws:iam::" + exampleAccount + ":user/other")
	}
	c.keys(func(name string) { propose(byKey, name, "example") })
}

// around calls f with the number and its neighbours, if it is small.
func (d decimal) around(f func(string)) {
	f(d.text)
	n, err := strconv.ParseFloat(d.text, 64)
	if err != nil || n > 1e12 || n < -1e12 {
		return
	}
	for _, near := range []float64{n - 1, n + 1} {
		f(strconv.FormatFloat(near, 'f', -1, 64))
	}
}

func lastAddr(r netip.Prefix) netip.Addr {
	b := r.Addr().AsSlice()
	for i := r.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
