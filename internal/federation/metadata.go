package federation

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/crewjam/saml"
	xrv "github.com/mattermost/xml-roundtrip-validator"
)

const (
	// MaxMetadata bounds a metadata document, in bytes. AWS's model lets through
	// ten million characters, which no transaction of ours holds.
	MaxMetadata = 400 << 10
	// maxDepth bounds how deep elements stand in each other.
	maxDepth = 64
)

// Metadata is what is needed of the metadata document of a SAML identity provider.
type Metadata struct {
	EntityID     string
	ValidUntil   time.Time           // zero where it doesn't say
	Certificates []*x509.Certificate // of the keys that sign assertions; one at least
}

// ErrMetadata: it is no metadata document of an identity provider.
var ErrMetadata = errors.New("not the metadata document of a SAML identity provider")

// ParseMetadata reads a metadata document: one entity that says who it is, and
// has certificates that sign. ErrMetadata.
func ParseMetadata(text string) (*Metadata, error) {
	e := new(saml.EntityDescriptor)
	if len(text) > MaxMetadata || !plainXML(text) || xml.Unmarshal([]byte(text), e) != nil || e.EntityID == "" {
		return nil, ErrMetadata
	}
	m := &Metadata{EntityID: e.EntityID, ValidUntil: e.ValidUntil}
	for _, idp := range e.IDPSSODescriptors {
		for _, key := range idp.KeyDescriptors {
			if key.Use != "" && key.Use != "signing" {
				continue
			}
			for _, c := range key.KeyInfo.X509Data.X509Certificates {
				cert, err := parseCertificate(c.Data)
				if err != nil {
					return nil, ErrMetadata
				}
				m.Certificates = append(m.Certificates, cert)
			}
		}
	}
	if len(m.Certificates) == 0 {
		return nil, ErrMetadata
	}
	return m, nil
}

// parseCertificate reads an X.509 certificate in base64, in which white space
// may stand anywhere.
func parseCertificate(text string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// plainXML reports whether a text is one XML element without a document type,
// whose elements don't stand too deep in each other, and which means the same
// to all parsers that read it here.
func plainXML(text string) bool {
	depth, roots := 0, 0
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.RawToken()
		switch t := token.(type) {
		case nil:
			return errors.Is(err, io.EOF) && depth == 0 && roots == 1 && xrv.Validate(strings.NewReader(text)) == nil
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.Directive:
			return false
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(t)) > 0 {
				return false
			}
		}
		if depth < 0 || depth > maxDepth {
			return false
		}
	}
}
