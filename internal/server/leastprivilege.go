package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/trail"
	"github.com/sallyport-iam/sallyport/policy"
)

// LeastPolicy is a policy that allows what a principal did.
type LeastPolicy struct {
	Document string // indented JSON
	Events   int    // that it allows
	Actions  int
}

// manyResources is how many resources of one kind an action names before they
// are put together as a pattern.
const manyResources = 5

// TrailPolicy writes the smallest readable policy that allows all that a user or
// role has been allowed since a time. An error, where that was nothing.
func TrailPolicy(ctx context.Context, cfg TrailConfig, principal string, since time.Time) (LeastPolicy, error) {
	did := map[string]map[string]bool{} // resources by action
	n := 0
	err := SearchTrail(ctx, cfg, trail.Filter{Principal: principal, Since: since}, func(record []byte) error {
		var e trail.Event
		if err := json.Unmarshal(record, &e); err != nil {
			return err
		}
		if e.Own.Decision != "Allow" || e.Own.Action == "" {
			return nil
		}
		n++
		note(did, e.Own.Action, e.Own.Targets)
		for _, f := range e.Own.Also {
			note(did, f.Action, f.Targets)
		}
		return nil
	})
	if err != nil {
		return LeastPolicy{}, err
	}
	if n == 0 {
		return LeastPolicy{}, fmt.Errorf("%s was allowed nothing since %s that needs a permission", principal, since.Format(time.RFC3339))
	}
	document := leastDocument(did)
	if err := allowsAll(document, principal, did); err != nil {
		return LeastPolicy{}, err
	}
	return LeastPolicy{document, n, len(did)}, nil
}

func note(did map[string]map[string]bool, action string, resources []string) {
	if did[action] == nil {
		did[action] = map[string]bool{}
	}
	for _, r := range resources {
		did[action][r] = true
	}
}

// leastStatement is a statement as it is written.
type leastStatement struct {
	Effect   string
	Action   []string
	Resource []string
}

// leastDocument puts actions on the same resources into one statement.
func leastDocument(did map[string]map[string]bool) string {
	var all []leastStatement
	at := map[string]int{}
	for _, action := range slices.Sorted(maps.Keys(did)) {
		resources := patterns(did[action])
		key := strings.Join(resources, "\n")
		i, known := at[key]
		if !known {
			i = len(all)
			at[key] = i
			all = append(all, leastStatement{Effect: "Allow", Resource: resources})
		}
		all[i].Action = append(all[i].Action, action)
	}
	b, err := json.MarshalIndent(struct {
		Version   string
		Statement []leastStatement
	}{"2012-10-17", all}, "", "  ")
	if err != nil {
		panic(err) // it is all text
	}
	return string(bytes.ReplaceAll(b, []byte(`\u0026`), []byte("&")))
}

// patterns are the resources, those of one kind as one pattern where there are many.
func patterns(resources map[string]bool) []string {
	kinds := map[string][]string{}
	for r := range resources {
		end := strings.LastIndexAny(r, ":/") + 1
		kinds[r[:end]] = append(kinds[r[:end]], r)
	}
	var out []string
	for kind, list := range kinds {
		if len(list) > manyResources && kind != "" {
			list = []string{kind + "*"}
		}
		for _, r := range list {
			out = append(out, escaped(r))
		}
	}
	slices.Sort(out)
	return out
}

// escaped writes what stands for something else in a policy's resource so that
// it stands for itself. A * at the end stays: lists act on such resources.
func escaped(r string) string {
	r, star := strings.CutSuffix(r, "*")
	r = strings.NewReplacer("$", "${$}", "*", "${*}", "?", "${?}").Replace(r)
	if star {
		r += "*"
	}
	return r
}

// allowsAll checks that the policy alone allows what was done.
func allowsAll(document, principal string, did map[string]map[string]bool) error {
	p, err := policy.Parse(document, policy.Managed)
	if err != nil {
		return fmt.Errorf("the policy that was made is not valid: %w", err)
	}
	in := &policy.Policies{Identity: policy.NewSet(p)}
	account := ""
	if parts := strings.SplitN(principal, ":", 6); len(parts) == 6 {
		account = parts[4]
	}
	for action, resources := range did {
		for r := range resources {
			req := &policy.Request{Action: action, Resource: r, ResourceAccount: account, Principal: policy.Principal{Type: policy.User, ARN: principal, Account: account}}
			// A role that is assumed must allow it too: its trust policy isn't asked here.
			if strings.HasPrefix(action, "sts:AssumeRole") {
				continue
			}
			if res := policy.Evaluate(req, in); !res.Allowed() {
				return fmt.Errorf("the policy that was made does not allow %s on %s: %s", action, r, res.Message(req))
			}
		}
	}
	return nil
}
