package test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestReadme runs the aws commands of the README's tour, in their order.
func TestReadme(t *testing.T) {
	t.Parallel()
	cli := anyCLI(t)
	s := serve(t)
	h := newHome(t)
	h.profile("default", s.root())
	aws := session{t: t, cli: cli, home: h, endpoint: s.endpoint}
	var made keys // by the last create-access-key
	commands := readmeCommands(t)
	for _, c := range commands {
		args := strings.Fields(strings.ReplaceAll(c.line, "AKIA…", made.ID))[1:]
		switch {
		case c.line == "aws configure": // the profile is there
		case args[0] == "configure":
			h.profile(args[2], made)
			aws.profile = args[2] // as the export of AWS_PROFILE that follows
		case c.comment == "UnauthorizedOperation" || c.comment == "AccessDenied":
			aws.refused(c.comment, args...)
		default:
			out := aws.ok(args...)
			if args[1] == "create-access-key" {
				var doc any
				if err := json.Unmarshal([]byte(out), &doc); err != nil {
					t.Fatal(err)
				}
				made = newKeys(t, doc)
			}
		}
	}
	if len(commands) < 12 || aws.profile == "" {
		t.Errorf("the README's tour has %d aws commands and ends as profile %q", len(commands), aws.profile)
	}
}

type readmeCommand struct{ line, comment string }

// readmeCommands are the indented lines of the README that begin with aws.
func readmeCommands(t *testing.T) []readmeCommand {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var commands []readmeCommand
	for line := range strings.SplitSeq(strings.ReplaceAll(string(text), "\\\n", ""), "\n") {
		command, indented := strings.CutPrefix(line, "    aws ")
		if !indented {
			continue
		}
		command, comment, _ := strings.Cut(command, "#")
		commands = append(commands, readmeCommand{"aws " + strings.TrimSpace(command), strings.TrimSpace(comment)})
	}
	return commands
}
