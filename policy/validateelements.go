package policy

import (
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/arn"
)

// actions looks at Action or NotAction.
func (v *validator) actions(s *validated) {
	e := &s.action
	if !e.present() {
		v.at(s.span, "MISSING_ACTION")
		return
	}
	if e.kind == nodeList && len(e.members) == 0 {
		v.at(e.span, "EMPTY_ARRAY_ACTION")
		return
	}
	e.leaves = v.strings(e.located)
	seen := map[string]bool{}
	for _, l := range e.leaves {
		v.action(l)
		v.noVariables(l)
		if prefix, _, found := strings.Cut(lowerASCII(l.text), ":"); found && !seen[prefix] {
			seen[prefix] = true
			s.services = append(s.services, prefix)
		}
	}
	v.redundantActions(e.leaves)
}

func (v *validator) action(l leaf) {
	prefix, name, found := strings.Cut(l.text, ":")
	if l.text == "*" || strings.Contains(l.text, "${") {
		return
	}
	if !found || strings.Contains(name, ":") {
		v.at(l.span, "INVALID_ACTION", l.text, "")
		return
	}
	if v.Kind == SCP || v.Kind == RCP {
		if i := strings.IndexByte(name, '*'); i >= 0 && i < len(name)-1 {
			v.at(l.span, "SCP_SYNTAX_ERROR_ACTION_WILDCARD", l.text)
		}
	}
	if v.Catalog == nil {
		return
	}
	ref := v.Catalog(lowerASCII(prefix))
	if ref == nil {
		v.at(l.span, "INVALID_SERVICE_IN_ACTION", prefix)
		return
	}
	pattern := newGlob(name)
	if !v.full() && !slices.ContainsFunc(ref.Actions, pattern.matchFold) {
		v.at(l.span, "INVALID_ACTION", l.text, ref.meant(prefix, name))
	}
}

// meant says which action may have been meant by one that there isn't.
func (r *Reference) meant(prefix, name string) string {
	if r.Renamed != nil {
		if to := r.Renamed(name); to != "" {
			return " Did you mean " + to + "? The API called " + name + " authorizes against the IAM action " + to + "."
		}
	}
	best, fewest := "", 3
	for _, a := range r.Actions {
		if d := distance(lowerASCII(a), lowerASCII(name), fewest); d < fewest {
			best, fewest = a, d
		}
	}
	if best == "" {
		return ""
	}
	return " Did you mean " + prefix + ":" + best + "?"
}

// distance is how many letters must be added, left out or changed to make one
// word of another, or limit where it is at least that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last, least := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			next := last
			if a[i] != b[j] {
				next = 1 + min(last, row[j], row[j+1])
			}
			last, row[j+1] = row[j+1], next
			least = min(least, next)
		}
		if least >= limit {
			return limit
		}
	}
	return min(row[len(b)], limit)
}

// noVariables reports a variable where none may stand.
func (v *validator) noVariables(l leaf) {
	if _, rest, found := strings.Cut(l.text, "${"); found {
		name, _, _ := strings.Cut(rest, "}")
		v.at(l.span, "VARIABLE_UNSUPPORTED_IN_ELEMENT", "${"+name+"}")
	}
}

// variable reports what is wrong with the variables of a text.
func (v *validator) variable(l leaf) {
	_, rest, found := strings.Cut(l.text, "${")
	if !found {
		return
	}
	if !v.variables {
		v.at(l.span, "VARIABLE_UNSUPPORTED_IN_VERSION")
		return
	}
	if !newTemplate(l.text, true).broken {
		return
	}
	for rest != "" { // the first variable that can't be read
		_, n, ok := readVariable("${" + rest)
		if !ok {
			break
		}
		_, rest, _ = strings.Cut(rest[n-2:], "${")
	}
	body, _, closed := strings.Cut(rest, "}")
	name, def, defaulted := strings.Cut(body, ",")
	switch {
	case !closed:
		v.at(l.span, "MISSING_BRACE_IN_VARIABLE")
	case strings.TrimSpace(body) == "":
		v.at(l.span, "EMPTY_VARIABLE")
	case defaulted && strings.Count(def, "'") < 2:
		v.at(l.span, "MISSING_QUOTE_IN_VARIABLE")
	case strings.Contains(strings.TrimRight(name, " "), " ") || !defaulted:
		v.at(l.span, "UNSUPPORTED_SPACE_IN_VARIABLE")
	default:
		v.at(l.span, "MISSING_BRACE_IN_VARIABLE")
	}
}

// redundantActions finds actions that another of the statement covers.
func (v *validator) redundantActions(all []leaf) {
	if !v.mayCompare(len(all) * len(all)) {
		return
	}
	globs := make([]glob, len(all))
	for i, l := range all {
		globs[i] = newGlob(lowerASCII(l.text))
	}
	var at []Location
	first := ""
	for i, l := range all {
		for j := range globs {
			// Of the same twice, the later one is told.
			if i != j && globs[j].matchFold(l.text) && (j < i || !globs[i].matchFold(all[j].text)) {
				at = append(at, v.location(l.span))
				if first == "" {
					first = l.text
				}
				break
			}
		}
	}
	if len(at) > 0 {
		v.report("REDUNDANT_ACTION", at, len(at), first)
	}
}

// resources looks at Resource or NotResource.
func (v *validator) resources(s *validated) {
	e := &s.resource
	switch {
	case e.present() && v.Kind == Trust:
		v.at(e.span, "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE")
		return
	case v.Kind == Trust || !e.present() && v.Kind == Resource && s.aboutSTS():
		return
	case !e.present():
		v.at(s.span, "MISSING_RESOURCE")
		return
	case e.kind == nodeList && len(e.members) == 0:
		v.at(e.span, "EMPTY_ARRAY_RESOURCE")
		return
	}
	e.leaves = v.strings(e.located)
	for _, l := range e.leaves {
		v.resource(s, l)
	}
	v.redundantResources(e.leaves)
}

// aboutSTS reports whether all actions are STS's: then the policy may well be a
// role's trust policy, whose resource is the role.
func (s *validated) aboutSTS() bool {
	return len(s.action.leaves) > 0 && !slices.ContainsFunc(s.action.leaves, func(l leaf) bool { return !foldPrefix(l.text, "sts:") })
}

func (v *validator) resource(s *validated, l leaf) {
	if l.text == "*" {
		return
	}
	f, n := arn.Split(l.text)
	v.variable(l)
	switch {
	case f[0] != "arn" && !strings.ContainsAny(f[0], "*?"):
		v.at(l.span, "INVALID_ARN_PREFIX")
	case n < arn.Fields:
		v.at(l.span, "MISSING_ARN_FIELD", arn.Fields)
	case !partitions[f[1]] && !strings.ContainsAny(f[1], "*?$"):
		v.at(l.span, "INVALID_PARTITION", f[2], f[1], "aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-eusc")
	case strings.ContainsAny(f[2], "*?"):
		v.at(l.span, "WILDCARD_IN_SERVICE_NAME")
	case f[2] != lowerASCII(f[2]):
		v.at(l.span, "INVALID_ARN_SERVICE_CASE", f[2])
	case f[4] != "" && f[4] != "aws" && !isAccount(f[4]) && !strings.ContainsAny(f[4], "*?$") && f[4] != "cloudfront":
		v.at(l.span, "INVALID_ARN_ACCOUNT", f[4])
	default:
		v.resourceType(s, l, &f)
	}
}

// resourceType holds an ARN against those of its service.
func (v *validator) resourceType(s *validated, l leaf, f *[arn.Fields]string) {
	if v.Catalog == nil || strings.Contains(f[2], "$") {
		return
	}
	kinds, known := v.kindsOf(s, f[2])
	if !known {
		v.at(l.span, "INVALID_SERVICE", f[2])
		return
	}
	if len(kinds) == 0 {
		return // the service has no resources of its own that the reference names
	}
	resource := arnShape(f[5])
	kinds = slices.DeleteFunc(kinds, func(k [arn.Fields]string) bool { return !arnShape(k[5]).overlaps(resource) })
	without := func(field int) bool {
		return !slices.ContainsFunc(kinds, func(k [arn.Fields]string) bool { return k[field] != "" })
	}
	with := func(field int) bool {
		return !slices.ContainsFunc(kinds, func(k [arn.Fields]string) bool { return !strings.Contains(k[field], "$") })
	}
	switch {
	case len(kinds) == 0:
		v.at(l.span, "INVALID_ARN_RESOURCE")
	case f[3] != "" && f[3] != "*" && without(3):
		v.at(l.span, "ARN_REGION_NOT_ALLOWED", f[2])
	case f[3] == "" && with(3):
		v.at(l.span, "MISSING_ARN_REGION", f[2])
	case f[4] != "" && f[4] != "*" && without(4):
		v.at(l.span, "ARN_ACCOUNT_NOT_ALLOWED", f[2])
	}
}

// kindsOf are the ARNs of resources of a service, of its own page and of the
// pages of the statement's actions; known says that there is such a service.
func (v *validator) kindsOf(s *validated, service string) (kinds [][arn.Fields]string, known bool) {
	asked := map[string]bool{}
	ask := func(prefix string) {
		ref := v.Catalog(prefix)
		if asked[prefix] || ref == nil {
			return
		}
		asked[prefix] = true
		for _, text := range ref.ARNs {
			if f, n := arn.Split(text); n == arn.Fields && (f[2] == service || strings.Contains(f[2], "$")) {
				kinds = append(kinds, f)
				known = true
			}
		}
	}
	ask(service)
	known = known || asked[service]
	for _, prefix := range s.services {
		ask(prefix)
	}
	return kinds, known
}

// arnShape is the shape of an ARN's last field, of the reference's or a
// policy's: variables stand for anything.
func arnShape(text string) shape {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			break
		}
		b.WriteByte('*')
		if _, text, found = strings.Cut(rest, "}"); !found {
			break
		}
	}
	g := newGlob(b.String())
	return newGlobShape(&g, false)
}

// redundantResources finds resources that another of the statement covers.
func (v *validator) redundantResources(all []leaf) {
	if !v.mayCompare(len(all) * len(all)) {
		return
	}
	shapes := make([]resourceShape, len(all))
	for i, l := range all {
		p := newResourcePattern(l.text, v.variables, false)
		shapes[i] = newResourceShape(&p)
	}
	var at []Location
	for i, l := range all {
		for j := range shapes {
			if i != j && shapes[j].covers(&shapes[i]) && (j < i || !shapes[i].covers(&shapes[j])) {
				at = append(at, v.location(l.span))
				break
			}
		}
	}
	if len(at) > 0 {
		v.report("REDUNDANT_RESOURCE", at, len(at))
	}
}

// broad reports a statement that allows an action on roles that nobody has
// chosen, unless a condition on the key narrows it.
func (v *validator) broad(s *validated, action, key, code string) {
	a, r := &s.action, &s.resource
	if len(a.leaves) == 0 || len(r.leaves) == 0 || s.hasKey(key) {
		return
	}
	covering, exact := -1, false
	for i, l := range a.leaves {
		if g := newGlob(lowerASCII(l.text)); g.matchFold(action) {
			covering, exact = i, exact || equalFold(l.text, action)
		}
	}
	if (covering >= 0) == a.not {
		return
	}
	star := slices.IndexFunc(r.leaves, func(l leaf) bool { return anyRole(l.text) })
	switch {
	case r.not && a.not:
		code += "NOT_ACTION_AND_NOT_RESOURCE"
	case r.not && exact:
		code += "NOT_RESOURCE"
	case r.not:
		code += "STAR_IN_ACTION_AND_NOT_RESOURCE"
	case star < 0:
		return
	case a.not:
		code += "STAR_IN_RESOURCE_AND_NOT_ACTION"
	case exact:
		code += "STAR_IN_RESOURCE"
	default:
		code += "STAR_IN_ACTION_AND_RESOURCE"
	}
	at := []Location{v.location(a.span), v.location(r.span)}
	if covering >= 0 {
		at[0] = v.location(a.leaves[covering].span)
	}
	if !r.not {
		at[1] = v.location(r.leaves[star].span)
	}
	v.report(code, at)
}

// anyRole reports whether a resource is all roles.
func anyRole(text string) bool {
	if text == "*" {
		return true
	}
	f, n := arn.Split(text)
	return n == arn.Fields && (f[5] == "*" || f[5] == "role/*" || f[5] == "role*")
}

// hasKey reports whether a condition asks for a key.
func (s *validated) hasKey(key string) bool {
	m := s.elements["Condition"]
	if m == nil {
		return false
	}
	return slices.ContainsFunc(m.value.members, func(op member) bool {
		return slices.ContainsFunc(op.value.members, func(k member) bool { return equalFold(k.name, key) })
	})
}
