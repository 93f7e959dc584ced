// Package web holds the console's web app as it was built by build.sh from the
// sources beside it. Only dist is in the program.
package web

import "embed"

// Dist is the built app: dist/index.html and what it loads.
//
//go:embed all:dist
var Dist embed.FS
