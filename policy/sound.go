package policy

// sound judges what evaluation needs of a stored document: that it says what
// to do, to what, and by whom. It is more lenient than check where a text that
// AWS would refuse can only match nothing.
func sound(d *document, kind Kind) *Error {
	if v := d.version; v.present() && v.text != version2012 && v.text != version2008 {
		return fault(v.at, msgSyntax, "there is no version %q", v.text)
	}
	if len(d.statements) == 0 {
		return fault(d.at, msgSyntax, "a policy holds at least one statement")
	}
	for i := range d.statements {
		s := &d.statements[i]
		if s.effect.text != "Allow" && s.effect.text != "Deny" {
			return fault(or(s.effect.at, s.at), msgSyntax, "Effect is Allow or Deny, not %q", s.effect.text)
		}
		if err := checkPairs(s); err != nil {
			return err
		}
		if len(s.action.items) == 0 {
			return fault(s.at, msgNoActions, "the statement has no action")
		}
		if err := soundFor(s, kind); err != nil {
			return err
		}
	}
	return nil
}

// soundFor judges the elements that not all kinds of policies have. A policy
// that stands on a resource may leave the resource out.
func soundFor(s *rawStatement, kind Kind) *Error {
	onResource := kind == Resource || kind == Trust
	p := &s.principal
	switch {
	case len(s.resource.items) == 0 && (s.resource.present || !onResource):
		return fault(s.at, msgNoResources, "the statement has no resource")
	case s.badPrincipal.present():
		return fault(s.badPrincipal.at, msgSyntax, "there is no kind of principal %q", s.badPrincipal.text)
	case s.misplaced():
		return fault(p.at, msgSyntax, "a principal is \"*\" or an object")
	case s.principalText && p.items[0].text != "*":
		return fault(p.at, msgSyntax, "outside of an object, a principal can only be \"*\"")
	case onResource && len(p.items) == 0:
		return fault(s.at, msgNoPrincipal, "a policy on a resource names principals")
	case p.present && !onResource && kind != RCP:
		return fault(p.at, msgPrincipal, "only policies on resources name principals")
	}
	return nil
}
