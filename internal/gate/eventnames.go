package gate

import (
	"reflect"
	"slices"
	"sync"

	"github.com/sallyport-iam/sallyport/internal/trail"
)

// named are the members that name resources, and their types as CloudTrail
// calls them.
var named = map[string]string{
	"UserName": "AWS::IAM::User", "GroupName": "AWS::IAM::Group", "RoleName": "AWS::IAM::Role", "RoleArn": "AWS::IAM::Role",
	"PrincipalArn": "AWS::IAM::SAMLProvider",
	"PolicyArn":    "AWS::IAM::Policy", "AccessKeyId": "AWS::IAM::AccessKey", "InstanceProfileName": "AWS::IAM::InstanceProfile",
	"SerialNumber": "AWS::IAM::MfaDevice", "ServerCertificateName": "AWS::IAM::ServerCertificate",
	"SAMLProviderArn": "AWS::IAM::SAMLProvider", "OpenIDConnectProviderArn": "AWS::IAM::OIDCProvider",
	"CertificateId": "AWS::IAM::SigningCertificate", "SSHPublicKeyId": "AWS::IAM::SSHPublicKey",
	"ServiceSpecificCredentialId": "AWS::IAM::ServiceSpecificCredential",
}

// nameField is where a type of inputs or outputs names a resource.
type nameField struct {
	index []int
	kind  string
}

// nameFields holds the fields of each type, found once: []nameField by reflect.Type.
var nameFields sync.Map

// appendNames adds the resources that an input or output names, itself or in a
// structure of it.
func appendNames(names []trail.Name, v any) []trail.Name {
	if v == nil {
		return names
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() || rv.Elem().Kind() != reflect.Struct {
		return names
	}
	rv = rv.Elem()
	fields, known := nameFields.Load(rv.Type())
	if !known {
		fields, _ = nameFields.LoadOrStore(rv.Type(), fieldsOf(rv.Type()))
	}
	for _, f := range fields.([]nameField) {
		field, err := rv.FieldByIndexErr(f.index)
		if err != nil || field.String() == "" {
			continue
		}
		n := trail.Name{Type: f.kind, Name: field.String()}
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

func fieldsOf(t reflect.Type) []nameField {
	var all []nameField
	for i := range t.NumField() {
		f := t.Field(i)
		if kind := named[f.Name]; kind != "" && f.Type.Kind() == reflect.String {
			all = append(all, nameField{f.Index, kind})
		}
		if f.Type.Kind() != reflect.Pointer || f.Type.Elem().Kind() != reflect.Struct {
			continue
		}
		for j := range f.Type.Elem().NumField() {
			inner := f.Type.Elem().Field(j)
			if kind := named[inner.Name]; kind != "" && inner.Type.Kind() == reflect.String {
				all = append(all, nameField{[]int{i, j}, kind})
			}
		}
	}
	return all
}
