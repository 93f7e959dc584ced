package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// The models as they stand in their files. Only what we use is named.

type model struct {
	Metadata struct {
		APIVersion, EndpointPrefix, GlobalEndpoint, JSONVersion, Protocol   string
		ServiceFullName, ServiceID, SigningName, TargetPrefix, XMLNamespace string
	}
	Operations map[string]operation
	Shapes     map[string]shape
	Pagination map[string]paginator
	Waiters    map[string]waiter
	Extras     struct {
		Merge struct{ Pagination map[string]paginator }
	} `json:"paginators-1.sdk-extras"`
	ServiceExtras struct {
		Merge struct{ Shapes map[string]shape }
	} `json:"service-2.sdk-extras"`
}

type operation struct {
	HTTP struct {
		Method, RequestURI string
		ResponseCode       int
	}
	Input, Output               *reference
	Errors                      []reference
	AuthType                    string
	ReadOnly, Idempotent        bool
	Deprecated, UnsignedPayload bool
}

type reference struct {
	Shape                                   string
	Location, LocationName, QueryName       string
	ResultWrapper                           string
	Flattened, XMLAttribute, Streaming      bool
	IdempotencyToken, Deprecated, HostLabel bool
	XMLNamespace                            namespace
}

// namespace is written as a string or as an object.
type namespace struct{ URI, Prefix string }

func (n *namespace) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte(`"`)) {
		return json.Unmarshal(data, &n.URI)
	}
	type plain namespace
	return json.Unmarshal(data, (*plain)(n))
}

type shape struct {
	Type                                 string
	Members                              ordered
	Required                             []string
	Member, Key, Value                   *reference
	Min, Max                             *float64
	Pattern                              string
	Enum                                 []string
	Flattened, Sensitive, Streaming      bool
	Union, EventStream, Exception, Fault bool
	LocationName, Payload                string
	TimestampFormat                      string
	XMLNamespace                         namespace
	Error                                struct {
		Code           string
		HTTPStatusCode int
		SenderFault    bool
	}
}

// ordered are the members of a structure in the order of the file.
type ordered struct {
	names  []string
	byName map[string]reference
}

func (o *ordered) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &o.byName); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	depth := 0
	for {
		tok, err := dec.Token()
		if err != nil {
			return nil // the end: Unmarshal has found the syntax sound
		}
		switch t := tok.(type) {
		case json.Delim:
			if t == '{' {
				depth++
			} else if t == '}' {
				depth--
			}
		case string:
			if depth == 1 {
				o.names = append(o.names, t)
			}
		}
	}
}

type paginator struct {
	InputToken   names  `json:"input_token"`
	OutputToken  names  `json:"output_token"`
	ResultKey    names  `json:"result_key"`
	NonAggregate names  `json:"non_aggregate_keys"`
	LimitKey     string `json:"limit_key"`
	MoreResults  string `json:"more_results"`
}

// names is written as a string or as a list.
type names []string

func (n *names) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(data, []byte(`"`)) {
		return json.Unmarshal(data, (*[]string)(n))
	}
	*n = names{""}
	return json.Unmarshal(data, &(*n)[0])
}

type waiter struct {
	Operation          string
	Delay, MaxAttempts int
	Acceptors          []struct {
		State, Matcher, Argument string
		Expected                 json.RawMessage
	}
}

// authorization is a prefix's page of the authorization reference.
type authorization struct {
	Name    string
	Actions map[string]struct {
		Access    string
		Resources []struct {
			Type     string
			Required bool
		}
		Keys, Dependent []string
	}
	ResourceTypes map[string]struct {
		ARN  string
		Keys []string
	}
	ConditionKeys map[string]string
}

type managedPolicy struct {
	Path, VersionID  string
	Created, Updated string
	Document         json.RawMessage
}

// sources is everything that generate reads.
type sources struct {
	models         map[string]*model
	authorizations map[string]authorization
	policies       map[string]managedPolicy
	actions        map[string]map[string]string
}

func readSources(dir fs.FS) (*sources, error) {
	src := &sources{models: map[string]*model{}}
	for name, into := range map[string]any{
		"service-authorization.json.gz": &src.authorizations,
		"managed-policies.json.gz":      &src.policies,
		"actions.json":                  &src.actions,
	} {
		if err := readJSON(dir, name, into); err != nil {
			return nil, err
		}
	}
	files, err := fs.Glob(dir, "*.json.gz")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".json.gz")
		if name == "service-authorization" || name == "managed-policies" {
			continue
		}
		m := new(model)
		if err := readJSON(dir, file, m); err != nil {
			return nil, err
		}
		m.merge()
		src.models[name] = m
	}
	return src, nil
}

// merge adds what AWS's SDKs add to the models.
func (m *model) merge() {
	for name, extra := range m.Extras.Merge.Pagination {
		p := m.Pagination[name]
		p.NonAggregate = append(p.NonAggregate, extra.NonAggregate...)
		m.Pagination[name] = p
	}
	for name, extra := range m.ServiceExtras.Merge.Shapes {
		s := m.Shapes[name]
		s.Type = extra.Type
		m.Shapes[name] = s
	}
}

func readJSON(dir fs.FS, name string, into any) error {
	data, err := fs.ReadFile(dir, name)
	if err != nil {
		return err
	}
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(z); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		data = b.Bytes()
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
