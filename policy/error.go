package policy

// Error says why a document is refused. It tells only the first problem.
type Error struct {
	Code    string // AWS's error code: MalformedPolicyDocument
	Message string // AWS's text
	Detail  string // what exactly is wrong, in our words; may be empty
	Line    int    // where, counted from 1; 0 if unknown
	Column  int    // in characters, counted from 1; 0 if unknown
}

// Error returns code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

const codeMalformed = "MalformedPolicyDocument"
