// Package notices holds the notices and licences of what the program contains of
// others: Go modules, packages of the web app, fonts.
package notices

import _ "embed"

// Text is the whole, for people to read. It is made by
// UPDATE=1 go test ./internal/notices.
//
//go:embed third-party.txt
var Text string
