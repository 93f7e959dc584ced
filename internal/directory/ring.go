package directory

const (
	// rotatedKind is the record that says when the newest key of the ring was made.
	rotatedKind = "rotated"
	// formatKind is the record that says the version of all records' form.
	formatKind = "format"
)
