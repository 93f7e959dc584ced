package federation

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/beevik/etree"
	"github.com/crewjam/saml/xmlenc"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// Namespaces of SAML and of what it is made with.
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
	nsEncrypted = "http://www.w3.org/2001/04/xmlenc#"

	statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"
)

// What is wrong with responses, in AWS's words where they are known (the IAM
// user guide, "Troubleshoot SAML federation with IAM").
const (
	msgResponse   = "Your request included an invalid SAML response."
	msgSigned     = "Response signature invalid"
	msgEncrypted  = "The SAML response must be encrypted."
	msgIssuer     = "Issuer not present in specified provider"
	msgSAMLAud    = "Response does not contain the required audience."
	msgRecipient  = "Response does not contain the required recipient."
	msgStatus     = "The SAML response doesn't say success."
	msgSubject    = "The SAML response has no subject with a name ID and a bearer confirmation."
	msgEarly      = "The SAML response is not valid yet."
	msgLate       = "Token must be redeemed within 5 minutes of issuance"
	msgName       = "RoleSessionName is required in AuthnResponse"
	msgNameForm   = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"
	msgDuration   = "SessionDuration in AuthnResponse must be a number of seconds from 900 to 43200"
	msgAttributes = "An attribute of the SAML response has a form that can't be read."
	msgProviderTo = "The metadata of the specified provider is no longer valid"
)

// SAMLProvider is a SAML identity provider as an account has it.
type SAMLProvider struct {
	*Metadata
	Account, Name string
	MustEncrypt   bool
	Keys          []string // private keys in PEM, that decrypt assertions
}

// signed gives the assertion of a response in base64, as far as a signature of
// the provider covers it: nothing else of the response is to be believed. It is
// in canonical XML. *Refused.
func (p *SAMLProvider) signed(response string) ([]byte, error) {
	// Line breaks are usual in what browsers send.
	text, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(response), ""))
	if err != nil {
		return nil, refused(msgResponse)
	}
	root, err := parseXML(text)
	if err != nil || !is(root, nsProtocol, "Response") {
		return nil, &Refused{Text: msgResponse, Err: err}
	}
	if !succeeded(root) {
		return nil, refused(msgStatus)
	}
	whole := len(children(root, nsSignature, "Signature")) > 0
	if whole {
		if root, err = p.verified(root); err != nil {
			return nil, err
		}
	}
	assertion, err := p.assertion(root)
	if err != nil {
		return nil, err
	}
	if !whole {
		if assertion, err = p.verified(assertion); err != nil {
			return nil, err
		}
	}
	canonical, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(assertion)
	if err != nil {
		return nil, &Refused{Text: msgResponse, Err: err}
	}
	return canonical, nil
}

// parseXML reads a document of one element.
func parseXML(text []byte) (*etree.Element, error) {
	if !plainXML(string(text)) {
		return nil, errors.New("it is not plain XML")
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(text); err != nil {
		return nil, err
	}
	if doc.Root() == nil {
		return nil, errors.New("it has no element")
	}
	return doc.Root(), nil
}

func is(e *etree.Element, namespace, name string) bool {
	return e.Tag == name && e.NamespaceURI() == namespace
}

// children are the elements of that name directly in another.
func children(e *etree.Element, namespace, name string) []*etree.Element {
	var found []*etree.Element
	for _, c := range e.ChildElements() {
		if is(c, namespace, name) {
			found = append(found, c)
		}
	}
	return found
}

func succeeded(response *etree.Element) bool {
	status := children(response, nsProtocol, "Status")
	if len(status) != 1 {
		return false
	}
	code := children(status[0], nsProtocol, "StatusCode")
	return len(code) == 1 && code[0].SelectAttrValue("Value", "") == statusSuccess
}

// assertion gives the only assertion of a response, decrypted.
func (p *SAMLProvider) assertion(response *etree.Element) (*etree.Element, error) {
	plain := children(response, nsAssertion, "Assertion")
	sealed := children(response, nsAssertion, "EncryptedAssertion")
	switch {
	case len(plain)+len(sealed) != 1:
		return nil, refused(msgResponse)
	case len(plain) == 1 && p.MustEncrypt:
		return nil, refused(msgEncrypted)
	case len(plain) == 1:
		return detached(plain[0])
	}
	text, err := p.decrypt(sealed[0])
	if err != nil {
		// One text for all that can go wrong with what is encrypted, signatures
		// included, or it would tell about the plaintext.
		return nil, &Refused{Text: msgSigned, Err: err}
	}
	e, err := parseXML(text)
	if err != nil || !is(e, nsAssertion, "Assertion") {
		return nil, &Refused{Text: msgSigned, Err: err}
	}
	return e, nil
}

// decrypt decrypts an encrypted assertion with the first key that does it.
func (p *SAMLProvider) decrypt(sealed *etree.Element) (plain []byte, err error) {
	defer func() {
		// The library indexes into what the sender has written.
		if cause := recover(); cause != nil {
			plain, err = nil, fmt.Errorf("decrypt the assertion: %v", cause)
		}
	}()
	data := children(sealed, nsEncrypted, "EncryptedData")
	if len(data) != 1 {
		return nil, errors.New("no encrypted data")
	}
	// RSA in the form of PKCS #1 v1.5 tells those who try often enough.
	for _, method := range sealed.FindElements(".//EncryptionMethod") {
		if strings.HasSuffix(method.SelectAttrValue("Algorithm", ""), "#rsa-1_5") {
			return nil, errors.New("the key is encrypted with PKCS #1 v1.5")
		}
	}
	element, err := detached(data[0])
	if err != nil {
		return nil, err
	}
	// The key may stand beside the data.
	if beside := children(sealed, nsEncrypted, "EncryptedKey"); len(beside) == 1 && element.FindElement("./KeyInfo/EncryptedKey") == nil {
		info := element.FindElement("./KeyInfo")
		if info == nil {
			info = element.CreateElement("KeyInfo")
		}
		info.AddChild(beside[0].Copy())
	}
	err = errors.New("the provider has no private key")
	for _, text := range p.Keys {
		var key *rsa.PrivateKey
		if key, err = rsaKey(text); err != nil {
			continue
		}
		if plain, err = xmlenc.Decrypt(key, element); err == nil {
			return plain, nil
		}
	}
	return nil, err
}

func rsaKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no private key")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	if key, ok := key.(*rsa.PrivateKey); ok {
		return key, nil
	}
	return nil, errors.New("not a key of RSA")
}

// detached is a copy of an element that has the namespaces of its parents.
func detached(e *etree.Element) (*etree.Element, error) {
	ctx, err := etreeutils.NSBuildParentContext(e)
	if err != nil {
		return nil, &Refused{Text: msgResponse, Err: err}
	}
	out, err := etreeutils.NSDetatch(ctx, e)
	if err != nil {
		return nil, &Refused{Text: msgResponse, Err: err}
	}
	return out, nil
}

// verified gives an element as far as its own signature, by one of the
// provider's certificates, covers it. *Refused.
func (p *SAMLProvider) verified(e *etree.Element) (*etree.Element, error) {
	signatures := children(e, nsSignature, "Signature")
	if len(signatures) != 1 {
		return nil, refused(msgSigned)
	}
	if err := checkSignature(signatures[0], e.SelectAttrValue("ID", "")); err != nil {
		return nil, &Refused{Text: msgSigned, Err: err}
	}
	if referring(e, "#"+e.SelectAttrValue("ID", "")) != 1 {
		// The library takes the first signature that it finds, however deep.
		return nil, refused(msgSigned)
	}
	// Which certificate it is, the signature needn't say, and may not choose.
	for _, info := range children(signatures[0], nsSignature, "KeyInfo") {
		signatures[0].RemoveChild(info)
	}
	var err error
	for _, cert := range p.Certificates {
		ctx := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}})
		ctx.IdAttribute = "ID"
		// As on AWS, the certificates of metadata don't expire.
		ctx.Clock = dsig.NewFakeClockAt(cert.NotBefore)
		var out *etree.Element
		if out, err = ctx.Validate(e); err == nil {
			return out, nil
		}
	}
	return nil, &Refused{Text: msgSigned, Err: err}
}

// referring counts the references within an element to that URI, or to the
// document as a whole.
func referring(e *etree.Element, uri string) int {
	n := 0
	for _, r := range e.FindElements(".//Reference") {
		if to := r.SelectAttrValue("URI", ""); to == "" || to == uri {
			n++
		}
	}
	return n
}

// checkSignature refuses signatures of a form that nobody needs: of anything
// but the element that they stand in, or with SHA-1.
func checkSignature(signature *etree.Element, id string) error {
	info := children(signature, nsSignature, "SignedInfo")
	if len(info) != 1 {
		return errors.New("not one SignedInfo")
	}
	references := children(info[0], nsSignature, "Reference")
	if len(references) != 1 || id == "" || references[0].SelectAttrValue("URI", "") != "#"+id {
		return errors.New("the signature is of something else")
	}
	methods := append(children(info[0], nsSignature, "SignatureMethod"), children(references[0], nsSignature, "DigestMethod")...)
	if len(methods) != 2 {
		return errors.New("not one method")
	}
	for _, m := range methods {
		algorithm := m.SelectAttrValue("Algorithm", "")
		if !strings.Contains(algorithm, "sha256") && !strings.Contains(algorithm, "sha384") && !strings.Contains(algorithm, "sha512") {
			return fmt.Errorf("the algorithm is %q", algorithm)
		}
	}
	return nil
}
