// Package accessanalyzer holds the Go types of IAM Access Analyzer, generated
// from its API model: a struct for each structure, a constant for each error
// code, and the names of the operations.
//
// Every operation Op has the types OpRequest and OpResponse. Where the model has
// no shape, the type is empty; where it names the shape otherwise, the type is an
// alias of that.
//
// Fields stand in the model's order, one for each member: package wire relies on
// it. They keep AWS's spelling with a capital first letter. Their types are:
//
//	string     string; "" is absent. In an answer an empty string is left out,
//	           unless the member is required and may be empty (the Value of a tag)
//	boolean    bool where required, else *bool: nil is absent
//	numbers    int32, int64, … where required, else pointers: nil is absent
//	timestamp  time.Time; the zero time is absent
//	blob       []byte; nil is absent
//	list       []T; nil is absent, and left out of an answer; an empty list that
//	           isn't nil is sent as an empty element
//	map        map[string]T; as lists
//	structure  *T as a field, T as an element of a list or map
//
// A request reaches an operation validated: what the model requires is there, and
// a string that was sent but is too short has been refused.
package accessanalyzer
