package gate

import (
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// derived are the resources of a request whose service doesn't resolve them
// itself, made of the ARN templates of the authorization reference and the
// members of the request. What can't be known stands as *, which only policies
// that grant all such resources match.
func (c *call) derived() ([]service.Target, error) {
	var targets []service.Target
	if op := c.target.Operation; op != nil && op.Action != nil {
		for _, r := range op.Action.Resources {
			arns, known := c.expand(r.Type.ARN)
			if len(arns)+len(targets) > maxResources {
				// None may stay unasked for: a policy may deny just that one.
				return nil, awsapi.Code("RequestResourceCountExceeded").New("Details in your request exceed the numbers permitted by the service.")
			}
			if !known && !r.Required {
				continue
			}
			for _, arn := range arns {
				targets = append(targets, service.Target{ARN: arn})
			}
		}
	}
	if len(targets) == 0 {
		return []service.Target{{ARN: "*"}}, nil
	}
	return targets, nil
}

// expand fills in an ARN template, once for each value where a member of the
// request lists several, but for not many more than maxResources. known is false
// where a variable has no value.
func (c *call) expand(template string) (arns []string, known bool) {
	arns, known = []string{""}, true
	for {
		before, rest, found := strings.Cut(template, "${")
		for i := range arns {
			arns[i] += before
		}
		if !found {
			return arns, known
		}
		name, after, _ := strings.Cut(rest, "}")
		template = after
		values := c.variable(name)
		if len(values) == 0 {
			values, known = []string{"*"}, false
		}
		var all []string
		for _, arn := range arns {
			for _, v := range values[:min(len(values), maxResources+1)] {
				all = append(all, arn+v)
			}
			if len(all) > maxResources {
				break // too many, which is all that matters
			}
		}
		arns = all
	}
}

// sameAs names the members that templates call otherwise.
var sameAs = map[string]string{"BucketName": "Bucket", "ObjectName": "Key"}

// maxResources bounds how many resources one request is decided for.
const maxResources = 1000

// variable gives the values of a template's variable.
func (c *call) variable(name string) []string {
	switch name {
	case "Partition":
		return []string{"aws"}
	case "Region":
		return []string{c.sig.Region}
	case "Account":
		return []string{c.caller.Account()}
	}
	if other := sameAs[name]; other != "" {
		name = other
	}
	if v, ok := c.target.Params.Lookup(name); ok {
		return []string{v}
	}
	doc, ok := c.in.(*map[string]any)
	if !ok {
		return nil
	}
	for _, member := range []string{name, name + "s"} {
		switch v := (*doc)[member].(type) {
		case string:
			return []string{v}
		case []any:
			return listOf(v)
		}
	}
	return nil
}

func listOf(list []any) []string {
	var values []string
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil
		}
		values = append(values, s)
	}
	return values
}

// unavailable says, as the protocol has it, that an operation isn't carried out here.
func (c *call) unavailable() error {
	code := awsapi.InvalidAction
	switch c.target.Protocol {
	case awsapi.EC2:
		code = awsapi.UnsupportedOperation
	case awsapi.RESTXML:
		code = "NotImplemented"
	case awsapi.JSON, awsapi.RESTJSON, awsapi.CBOR:
		code = awsapi.UnknownOperationException
	}
	what := c.target.Name
	if what == "" {
		what = c.r.Method + " " + c.r.URL.Path
	}
	return code.New("The operation %s of %s is not available here.", what, c.sig.Service)
}
