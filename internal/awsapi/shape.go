package awsapi

// Type is the kind of value that a shape describes.
type Type uint8

// The types of the models.
const (
	Structure Type = iota + 1
	List
	Map
	String
	Boolean
	Integer
	Long
	Float
	Double
	Timestamp
	Blob
)

var typeNames = [...]string{
	"", "structure", "list", "map", "string", "boolean", "integer", "long", "float", "double", "timestamp", "blob",
}

// String returns the model's word for the type.
func (t Type) String() string { return typeNames[t] }

// ParseType returns the type that the models call name, or 0.
func ParseType(name string) Type {
	for i, n := range typeNames {
		if n == name {
			return Type(i)
		}
	}
	return 0
}

// Location is where a REST protocol puts a member. The zero value is the body.
type Location uint8

// The locations of the models.
const (
	InBody Location = iota
	InURI
	InQuery
	InHeader
	InHeaders // a map of headers, LocationName being their common prefix
	InStatus  // the HTTP status itself
)

var locationNames = [...]string{"", "uri", "querystring", "header", "headers", "statusCode"}

// ParseLocation returns the location that the models call name; InBody if none.
func ParseLocation(name string) Location {
	for i, n := range locationNames {
		if n == name {
			return Location(i)
		}
	}
	return InBody
}

// Shape is a type of a service's model, with its constraints.
type Shape struct {
	Name string
	Type Type

	Members []Member // of a structure, in the model's order
	Member  *Shape   // the elements of a list
	Key     *Shape   // the keys of a map
	Value   *Shape   // the values of a map

	// Element names in XML and the query protocols; empty means the protocol's
	// own: member, key, value.
	MemberName, KeyName, ValueName string

	Flattened    bool   // list or map without an element around it
	LocationName string // the element name of this type, where a model gives it one
	Payload      string // the member that is a REST body by itself
	Namespace    string // XML namespace, and its prefix
	NSPrefix     string

	// Constraints. Min and Max bound the length of strings, blobs, lists and
	// maps, and the value of numbers.
	HasMin, HasMax bool
	Min, Max       int64
	Pattern        string
	Enum           []string

	TimestampFormat string // "iso8601", "unixTimestamp", "rfc822"; empty means the protocol's
	Sensitive       bool
	Streaming       bool
	Union           bool
	EventStream     bool

	// Of errors only.
	Exception bool
	Code      string // on the wire; empty means Name
	Status    int    // HTTP status; 0 where the model doesn't say
	Sender    bool   // the model says that the caller is at fault
	Fault     bool   // the model says that the service is at fault

	pattern lazyPattern
}

// Member is a member of a structure.
type Member struct {
	Name         string
	Shape        *Shape
	Required     bool
	Location     Location
	LocationName string // its name on the wire; empty means Name
	QueryName    string // its name in the ec2 protocol's requests, where it differs
	Flattened    bool
	XMLAttribute bool
	Streaming    bool
	Idempotency  bool // a client fills it with a random token
	Deprecated   bool
	HostLabel    bool
	Namespace    string
	NSPrefix     string
}

// WireName returns the name of the member in bodies, headers and queries.
func (m *Member) WireName() string {
	if m.LocationName != "" {
		return m.LocationName
	}
	return m.Name
}

// MemberNamed returns the member with the model's name and its index, or nil.
func (s *Shape) MemberNamed(name string) (*Member, int) {
	for i := range s.Members {
		if s.Members[i].Name == name {
			return &s.Members[i], i
		}
	}
	return nil, -1
}

// ErrorCode returns the code of an error shape as it goes on the wire.
func (s *Shape) ErrorCode() Code {
	if s.Code != "" {
		return Code(s.Code)
	}
	return Code(s.Name)
}
