package awsapi

import "strings"

// Flags of the compact form, shared with gen.
const (
	FlagGlobal = 1 << iota
)

// Flags of a shape.
const (
	FlagFlattened = 1 << iota
	FlagMin
	FlagMax
	FlagSensitive
	FlagStreaming
	FlagUnion
	FlagEventStream
	FlagException
	FlagSender
	FlagFault
)

// Flags of a member.
const (
	FlagRequired = 1 << iota
	FlagMemberFlattened
	FlagXMLAttribute
	FlagMemberStreaming
	FlagIdempotency
	FlagMemberDeprecated
	FlagHostLabel
)

// Flags of an operation.
const (
	FlagNoAuth = 1 << iota
	FlagReadOnly
	FlagIdempotent
	FlagDeprecated
	FlagUnsignedPayload
	FlagPaginated
)

// loadService decodes one block of the models.
func loadService(name, block string) *Service {
	r := newReader(block)
	s := &Service{Name: name}
	flags := r.uint()
	s.Global = flags&FlagGlobal != 0
	for _, f := range []*string{
		&s.ID, &s.FullName, &s.SigningName, &s.Prefix, &s.EndpointName, &s.Protocol,
		&s.JSONVersion, &s.APIVersion, &s.Namespace, &s.TargetPrefix,
	} {
		*f = r.str()
	}
	s.shapes = make([]Shape, r.int())
	members := make([]Member, r.int())
	for i := range s.shapes {
		members = s.shapes[i].load(r, s.shapes, members)
	}
	s.operations = make([]Operation, r.int())
	for i := range s.operations {
		s.operations[i].load(r, s)
	}
	s.waiters = loadWaiters(r)
	return s
}

// ref reads a reference to a shape; 0 is none.
func (r *reader) ref(shapes []Shape) *Shape {
	if i := r.int(); i > 0 {
		return &shapes[i-1]
	}
	return nil
}

// load reads a shape and returns the members that it left over.
func (s *Shape) load(r *reader, shapes []Shape, members []Member) []Member {
	s.Name, s.Type = r.str(), Type(r.uint())
	flags := r.uint()
	s.Flattened = flags&FlagFlattened != 0
	s.Sensitive = flags&FlagSensitive != 0
	s.Streaming = flags&FlagStreaming != 0
	s.Union = flags&FlagUnion != 0
	s.EventStream = flags&FlagEventStream != 0
	s.Exception = flags&FlagException != 0
	s.Sender = flags&FlagSender != 0
	s.Fault = flags&FlagFault != 0
	if s.HasMin = flags&FlagMin != 0; s.HasMin {
		s.Min = r.signed()
	}
	if s.HasMax = flags&FlagMax != 0; s.HasMax {
		s.Max = r.signed()
	}
	s.LocationName, s.Namespace, s.NSPrefix = r.str(), r.str(), r.str()
	switch s.Type {
	case Structure:
		s.Payload, s.Code, s.Status = r.str(), r.str(), r.int()
		n := r.int()
		s.Members, members = members[:n:n], members[n:]
		for i := range s.Members {
			s.Members[i].load(r, shapes)
		}
	case List:
		s.Member, s.MemberName = r.ref(shapes), r.str()
	case Map:
		s.Key, s.KeyName, s.Value, s.ValueName = r.ref(shapes), r.str(), r.ref(shapes), r.str()
	case String:
		s.Pattern, s.Enum = r.str(), r.strs()
	case Timestamp:
		s.TimestampFormat = r.str()
	}
	return members
}

func (m *Member) load(r *reader, shapes []Shape) {
	m.Name, m.Shape = r.str(), r.ref(shapes)
	flags := r.uint()
	m.Required = flags&FlagRequired != 0
	m.Flattened = flags&FlagMemberFlattened != 0
	m.XMLAttribute = flags&FlagXMLAttribute != 0
	m.Streaming = flags&FlagMemberStreaming != 0
	m.Idempotency = flags&FlagIdempotency != 0
	m.Deprecated = flags&FlagMemberDeprecated != 0
	m.HostLabel = flags&FlagHostLabel != 0
	m.Location, m.LocationName, m.QueryName = Location(r.uint()), r.str(), r.str()
	m.Namespace, m.NSPrefix = r.str(), r.str()
}

func (o *Operation) load(r *reader, s *Service) {
	o.Service, o.Name = s, r.str()
	flags := r.uint()
	o.NoAuth = flags&FlagNoAuth != 0
	o.ReadOnly = flags&FlagReadOnly != 0
	o.Idempotent = flags&FlagIdempotent != 0
	o.Deprecated = flags&FlagDeprecated != 0
	o.UnsignedPayload = flags&FlagUnsignedPayload != 0
	o.Method, o.URI, o.ResponseCode = r.str(), r.str(), r.int()
	o.Input, o.InputName, o.InputNamespace = r.ref(s.shapes), r.str(), r.str()
	o.Output, o.ResultWrapper = r.ref(s.shapes), r.str()
	if n := r.int(); n > 0 {
		o.Errors = make([]*Shape, n)
		for i := range o.Errors {
			o.Errors[i] = r.ref(s.shapes)
		}
	}
	o.Action, o.VersionAction = r.action(), r.action()
	if flags&FlagPaginated != 0 {
		o.Paginator = &Paginator{
			InputTokens: r.strs(), OutputTokens: r.strs(), ResultKeys: r.strs(),
			NonAggregateKeys: r.strs(), LimitKey: r.str(), MoreResults: r.str(),
		}
	}
}

// action reads prefix:Name, or nothing.
func (r *reader) action() *Action {
	prefix, name, _ := strings.Cut(r.str(), ":")
	return LookupAction(prefix, name)
}

func loadWaiters(r *reader) []Waiter {
	list := make([]Waiter, r.int())
	for i := range list {
		w := &list[i]
		w.Name, w.Operation, w.Delay, w.MaxAttempts = r.str(), r.str(), r.int(), r.int()
		w.Acceptors = make([]Acceptor, r.int())
		for j := range w.Acceptors {
			w.Acceptors[j] = Acceptor{State: r.str(), Matcher: r.str(), Argument: r.str(), Expected: r.str()}
		}
	}
	return list
}
