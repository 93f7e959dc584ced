package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/awsapi/accessanalyzer"
	"github.com/sallyport-iam/sallyport/internal/awsapi/cloudtrail"
	"github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/awsapi/organizations"
	"github.com/sallyport-iam/sallyport/internal/awsapi/sts"
)

// TestTypesFitTheModel holds every generated type against its shape, as package
// wire uses it: field i is member i.
func TestTypesFitTheModel(t *testing.T) {
	tested := map[string]bool{}
	for _, tt := range []struct {
		service    string
		make       func(string) (any, any)
		operations []string
	}{
		{"accessanalyzer", accessanalyzer.New, accessanalyzer.Operations},
		{"cloudtrail", cloudtrail.New, cloudtrail.Operations},
		{"iam", iam.New, iam.Operations},
		{"organizations", organizations.New, organizations.Operations},
		{"sts", sts.New, sts.Operations},
	} {
		tested[tt.service] = true
		n := 0
		for op := range awsapi.ByName(tt.service).Operations() {
			in, out := tt.make(op.Name)
			if in == nil || out == nil || !slices.Contains(tt.operations, op.Name) {
				t.Fatalf("%s of %s has no types", op.Name, tt.service)
			}
			fits(t, op.Name, reflect.TypeOf(in).Elem(), op.Input, 0)
			fits(t, op.Name, reflect.TypeOf(out).Elem(), op.Output, 0)
			n++
		}
		if n != len(tt.operations) {
			t.Errorf("%d operations of %s are generated, the model has %d", len(tt.operations), tt.service, n)
		}
		if in, out := tt.make("Nope"); in != nil || out != nil {
			t.Errorf("New(Nope) of %s = %v, %v", tt.service, in, out)
		}
	}
	for _, service := range typed {
		if !tested[service] {
			t.Errorf("the types of %s are not tested", service)
		}
	}
}

func fits(t *testing.T, path string, typ reflect.Type, shape *awsapi.Shape, depth int) {
	if depth > 12 {
		return // a shape that holds itself
	}
	kinds := map[awsapi.Type]reflect.Kind{
		awsapi.Structure: reflect.Struct, awsapi.List: reflect.Slice, awsapi.Map: reflect.Map, awsapi.String: reflect.String,
		awsapi.Boolean: reflect.Bool, awsapi.Integer: reflect.Int32, awsapi.Long: reflect.Int64, awsapi.Timestamp: reflect.Struct,
		awsapi.Blob: reflect.Slice, awsapi.Float: reflect.Float32, awsapi.Double: reflect.Float64,
	}
	if shape == nil {
		if typ.NumField() != 0 {
			t.Errorf("%s: %s has fields, the model no shape", path, typ)
		}
		return
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ.Kind() != kinds[shape.Type] {
		t.Errorf("%s: %s for a %s", path, typ, shape.Type)
		return
	}
	switch shape.Type {
	case awsapi.Structure:
		if typ.NumField() != len(shape.Members) {
			t.Errorf("%s: %s has %d fields, %s %d members", path, typ, typ.NumField(), shape.Name, len(shape.Members))
			return
		}
		for i, m := range shape.Members {
			if f := typ.Field(i); f.Name != strings.ToUpper(m.Name[:1])+m.Name[1:] {
				t.Errorf("%s: field %d is %s, member %s", path, i, f.Name, m.Name)
			}
			fits(t, path+"."+m.Name, typ.Field(i).Type, m.Shape, depth+1)
		}
	case awsapi.List:
		fits(t, path+"[]", typ.Elem(), shape.Member, depth+1)
	case awsapi.Map:
		fits(t, path+"{}", typ.Elem(), shape.Value, depth+1)
	}
}
