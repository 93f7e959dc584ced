package main

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// generate returns the content of every generated file, by its path in awsapi.
func generate(dir fs.FS) (map[string][]byte, error) {
	src, err := readSources(dir)
	if err != nil {
		return nil, err
	}
	if err := src.check(); err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"data/models.bin": archive(sortedKeys(src.models), func(name string) []byte {
			return encodeModel(src.models[name], src, name)
		}),
		"data/authorization.bin": archive(sortedKeys(src.authorizations), func(prefix string) []byte {
			return encodeAuthorization(src.authorizations[prefix])
		}),
		"data/policies.bin": encodePolicies(src.policies),
	}
	for _, name := range typed {
		goFiles, err := goTypes(name, src.models[name])
		if err != nil {
			return nil, err
		}
		maps.Copy(files, goFiles)
	}
	return files, nil
}

func (m *model) signingName() string {
	if m.Metadata.SigningName != "" {
		return m.Metadata.SigningName
	}
	return m.Metadata.EndpointPrefix
}

// action returns the operation's IAM action and its action for a version, each
// as prefix:Name or empty; ok is false where actions.json should say and doesn't.
func (src *sources) action(service, op string) (action, version string, ok bool) {
	prefix := awsapi.Prefix(src.models[service].signingName())
	name, told := src.actions[service][op]
	if !told {
		name = op
	}
	if name == "" {
		return "", "", true
	}
	list := strings.Fields(name)
	for i, a := range list {
		if !strings.Contains(a, ":") {
			list[i] = prefix + ":" + a
		}
		p, n, _ := strings.Cut(list[i], ":")
		if _, exists := src.authorizations[p].Actions[n]; !exists {
			return "", "", false
		}
	}
	if len(list) == 1 {
		return list[0], "", true
	}
	return list[0], list[1], true
}

func (src *sources) check() error {
	for prefix, a := range src.authorizations {
		for name, action := range a.Actions {
			for _, r := range action.Resources {
				if _, exists := a.ResourceTypes[r.Type]; !exists {
					return fmt.Errorf("%s:%s: no such resource type as %s", prefix, name, r.Type)
				}
			}
		}
	}
	for name, m := range src.models {
		for op := range m.Operations {
			if _, _, ok := src.action(name, op); !ok {
				return fmt.Errorf("%s %s: no such IAM action; say in actions.json which it is", name, op)
			}
		}
		for op := range src.actions[name] {
			if _, exists := m.Operations[op]; !exists {
				return fmt.Errorf("actions.json: %s has no operation %s", name, op)
			}
		}
	}
	return nil
}

// modelWriter is a writer that knows the numbers of a model's shapes.
type modelWriter struct {
	*writer
	model *model
	ids   map[string]int // from 1
}

func (w *modelWriter) ref(r *reference) {
	if r == nil {
		w.int(0)
	} else {
		w.int(w.ids[r.Shape])
	}
}

func encodeModel(m *model, src *sources, name string) []byte {
	w := &modelWriter{newWriter(), m, map[string]int{}}
	md := &m.Metadata
	w.flags(md.GlobalEndpoint != "")
	w.all(md.ServiceID, md.ServiceFullName, m.signingName(), awsapi.Prefix(m.signingName()), md.EndpointPrefix,
		md.Protocol, md.JSONVersion, md.APIVersion, md.XMLNamespace, md.TargetPrefix)
	shapes, members := sortedKeys(m.Shapes), 0
	for i, s := range shapes {
		w.ids[s] = i + 1
		members += len(m.Shapes[s].Members.names)
	}
	w.int(len(shapes))
	w.int(members)
	for _, s := range shapes {
		w.shape(s, m.Shapes[s])
	}
	w.int(len(m.Operations))
	for _, op := range sortedKeys(m.Operations) {
		action, version, _ := src.action(name, op)
		w.operation(op, m.Operations[op], action, version)
	}
	w.waiters()
	return w.bytes()
}

func (w *modelWriter) shape(name string, s shape) {
	t := awsapi.ParseType(s.Type)
	w.str(name)
	w.int(int(t))
	w.flags(s.Flattened, s.Min != nil, s.Max != nil, s.Sensitive, s.Streaming, s.Union, s.EventStream,
		s.Exception, s.Error.SenderFault, s.Fault)
	if s.Min != nil { // bounds that are no whole numbers (one in EC2) become wider
		w.signed(int64(math.Floor(*s.Min)))
	}
	if s.Max != nil {
		w.signed(int64(math.Ceil(*s.Max)))
	}
	w.all(s.LocationName, s.XMLNamespace.URI, s.XMLNamespace.Prefix)
	switch t {
	case awsapi.Structure:
		w.all(s.Payload, s.Error.Code)
		w.int(s.Error.HTTPStatusCode)
		w.int(len(s.Members.names))
		for _, m := range s.Members.names {
			w.member(m, s.Members.byName[m], slices.Contains(s.Required, m))
		}
	case awsapi.List:
		w.ref(s.Member)
		w.str(s.Member.LocationName)
	case awsapi.Map:
		w.ref(s.Key)
		w.str(s.Key.LocationName)
		w.ref(s.Value)
		w.str(s.Value.LocationName)
	case awsapi.String:
		w.str(s.Pattern)
		w.strs(s.Enum)
	case awsapi.Timestamp:
		w.str(s.TimestampFormat)
	}
}

func (w *modelWriter) member(name string, m reference, required bool) {
	w.str(name)
	w.ref(&m)
	w.flags(required, m.Flattened, m.XMLAttribute, m.Streaming, m.IdempotencyToken, m.Deprecated, m.HostLabel)
	w.int(int(awsapi.ParseLocation(m.Location)))
	w.all(m.LocationName, m.QueryName, m.XMLNamespace.URI, m.XMLNamespace.Prefix)
}

func (w *modelWriter) operation(name string, op operation, action, version string) {
	p, paged := w.model.Pagination[name]
	w.str(name)
	w.flags(op.AuthType == "none", op.ReadOnly, op.Idempotent, op.Deprecated, op.UnsignedPayload, paged)
	code := op.HTTP.ResponseCode
	if code == 0 {
		code = 200
	}
	w.all(op.HTTP.Method, op.HTTP.RequestURI)
	w.int(code)
	in, out := op.Input, op.Output
	w.ref(in)
	if in == nil {
		in = new(reference)
	}
	w.all(in.LocationName, in.XMLNamespace.URI)
	w.ref(out)
	if out == nil {
		out = new(reference)
	}
	w.str(out.ResultWrapper)
	w.int(len(op.Errors))
	for i := range op.Errors {
		w.ref(&op.Errors[i])
	}
	w.all(action, version)
	if paged {
		for _, list := range []names{p.InputToken, p.OutputToken, p.ResultKey, p.NonAggregate} {
			w.strs(list)
		}
		w.all(p.LimitKey, p.MoreResults)
	}
}

func (w *modelWriter) waiters() {
	w.int(len(w.model.Waiters))
	for _, name := range sortedKeys(w.model.Waiters) {
		x := w.model.Waiters[name]
		w.all(name, x.Operation)
		w.int(x.Delay)
		w.int(x.MaxAttempts)
		w.int(len(x.Acceptors))
		for _, a := range x.Acceptors {
			w.all(a.State, a.Matcher, a.Argument, string(a.Expected))
		}
	}
}

func encodeAuthorization(a authorization) []byte {
	w := newWriter()
	w.str(a.Name)
	w.int(len(a.ConditionKeys))
	for _, key := range sortedKeys(a.ConditionKeys) {
		w.all(key, a.ConditionKeys[key])
	}
	types := map[string]int{}
	w.int(len(a.ResourceTypes))
	for i, name := range sortedKeys(a.ResourceTypes) {
		types[name] = i
		w.all(name, a.ResourceTypes[name].ARN)
		w.strs(a.ResourceTypes[name].Keys)
	}
	w.int(len(a.Actions))
	for _, name := range slices.SortedFunc(maps.Keys(a.Actions), awsapi.CompareFold) {
		x := a.Actions[name]
		w.all(name, x.Access)
		w.int(len(x.Resources))
		for _, r := range x.Resources {
			v := types[r.Type] << 1
			if r.Required {
				v |= 1
			}
			w.int(v)
		}
		w.strs(x.Keys)
		w.strs(x.Dependent)
	}
	return w.bytes()
}

// policyBlock is how much of the documents is compressed together: enough to
// compress well, little enough to decompress in a fraction of a millisecond.
const policyBlock = 64 << 10

func encodePolicies(policies map[string]managedPolicy) []byte {
	w := newWriter()
	blocks := map[string][]byte{}
	names := []string{"index"}
	var current bytes.Buffer
	flush := func() {
		name := fmt.Sprintf("%03d", len(names)-1)
		names = append(names, name)
		blocks[name] = deflate(current.Bytes())
		current.Reset()
	}
	w.int(len(policies))
	for _, name := range sortedKeys(policies) {
		p := policies[name]
		doc := formatDocument(p.Document)
		w.all(name, p.Path, policyID(name), p.VersionID)
		w.signed(unix(p.Created))
		w.signed(unix(p.Updated))
		w.int(len(names) - 1)
		w.int(current.Len())
		w.int(len(doc))
		current.Write(doc)
		if current.Len() >= policyBlock {
			flush()
		}
	}
	flush()
	blocks["index"] = w.bytes()
	return archive(names, func(name string) []byte { return blocks[name] })
}

// policyID makes an AWS managed policy's unique id of its name, so that it is the
// same in every deployment.
func policyID(name string) string {
	sum := sha256.Sum256([]byte("AWS managed policy " + name))
	return "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

func deflate(data []byte) []byte {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = z.Write(data) // a bytes.Buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

func unix(s string) int64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.Unix()
}

// documentOrder is the order in which AWS writes the elements of its policies.
var documentOrder = []string{
	"Version", "Id", "Statement",
	"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}

// formatDocument writes a policy as AWS shows its own: elements in the usual
// order, indented by four spaces. (The source has them in alphabetical order.)
func formatDocument(raw json.RawMessage) []byte {
	var b bytes.Buffer
	var compact bytes.Buffer
	reorder(&compact, raw, 0)
	if err := json.Indent(&b, compact.Bytes(), "", "    "); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// reorder writes the document, its statement list and each statement with their
// elements in order; what is deeper stays as it is.
func reorder(b *bytes.Buffer, raw json.RawMessage, depth int) {
	var object map[string]json.RawMessage
	var list []json.RawMessage
	switch {
	case depth < 2 && json.Unmarshal(raw, &object) == nil:
		keys := slices.SortedFunc(maps.Keys(object), func(x, y string) int {
			return slices.Index(documentOrder, x) - slices.Index(documentOrder, y)
		})
		b.WriteByte('{')
		for i, key := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(b, "%q:", key)
			if key == "Statement" {
				reorder(b, object[key], depth+1)
			} else {
				b.Write(object[key])
			}
		}
		b.WriteByte('}')
	case json.Unmarshal(raw, &list) == nil:
		b.WriteByte('[')
		for i, item := range list {
			if i > 0 {
				b.WriteByte(',')
			}
			reorder(b, item, depth)
		}
		b.WriteByte(']')
	default:
		b.Write(raw)
	}
}
