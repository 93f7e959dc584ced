package policy_test

import (
	"errors"
	"fmt"

	"github.com/sallyport-iam/sallyport/policy"
)

const readOwnFolder = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "OwnFolder",
      "Effect": "Allow",
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::docs/${aws:username}/*"
    }
  ]
}`

func request(resource string) *policy.Request {
	keys := &policy.Context{}
	keys.Set("aws:username", "ann")
	return &policy.Request{
		Action:   "s3:GetObject",
		Resource: resource,
		Context:  keys,
		Principal: policy.Principal{
			Type: policy.User, ARN: "arn:aws:iam::111122223333:user/ann", Account: "111122223333",
		},
	}
}

func ExampleEvaluate() {
	p, err := policy.Parse(readOwnFolder, policy.Managed)
	if err != nil {
		fmt.Println(err)
		return
	}
	in := &policy.Policies{Identity: policy.NewSet(p)}

	fmt.Println(policy.Evaluate(request("arn:aws:s3:::docs/ann/plan.txt"), in).Allowed())

	req := request("arn:aws:s3:::docs/bob/plan.txt")
	fmt.Println(policy.Evaluate(req, in).Message(req))
	// Output:
	// true
	// User: arn:aws:iam::111122223333:user/ann is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::docs/bob/plan.txt because no identity-based policy allows the s3:GetObject action
}

func ExampleExplain() {
	p := policy.Load(readOwnFolder, policy.Managed).Named(policy.Source{Name: "ReadOwnFolder"})
	in := &policy.Policies{Identity: policy.NewSet(p)}
	fmt.Print(policy.Explain(request("arn:aws:s3:::docs/bob/plan.txt"), in))
	// Output:
	// implicitDeny: no identity-based policy allows s3:GetObject
	//   arn:aws:iam::111122223333:user/ann does s3:GetObject on arn:aws:s3:::docs/bob/plan.txt
	//   closest to allowing: identity-based policy ReadOwnFolder, statement 4:5 OwnFolder; its Resource wants arn:aws:s3:::docs/${aws:username}/*; seen arn:aws:s3:::docs/bob/plan.txt
	// identity-based policy ReadOwnFolder: implicitDeny
	//   4:5 Allow OwnFolder doesn't apply: at 8:7 Resource wants arn:aws:s3:::docs/${aws:username}/*; seen arn:aws:s3:::docs/bob/plan.txt
}

func ExampleParse() {
	_, err := policy.Parse(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "GetObject", "Resource": "*"}}`, policy.Managed)
	var refused *policy.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Message)
		fmt.Println(refused.Line, refused.Column)
	}
	// Output:
	// Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.
	// 1 70
}

func ExampleSimulate() {
	p := policy.Load(readOwnFolder, policy.Managed).Named(policy.Source{Name: "ReadOwnFolder"})
	for _, r := range policy.Simulate(&policy.Simulation{
		Actions:   []string{"s3:GetObject", "s3:PutObject"},
		Resources: []string{"arn:aws:s3:::docs/ann/plan.txt"},
		Policies:  policy.Policies{Identity: policy.NewSet(p)},
	}) {
		fmt.Println(r.Action, r.Decision, r.Resources[0].Missing)
	}
	// Output:
	// s3:GetObject implicitDeny [aws:username]
	// s3:PutObject implicitDeny [aws:username]
}

func ExampleAllowedActions() {
	p := policy.Load(`{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"},
  {"Effect": "Deny", "Action": "s3:*Acl", "Resource": "*"}
]}`, policy.Managed)
	s3 := policy.NewActions("s3:GetObject", "s3:GetObjectAcl", "s3:ListBucket", "s3:PutObject")

	fmt.Println(policy.AllowedActions(request("*"), &policy.Policies{Identity: policy.NewSet(p)}, s3))
	// Output: [s3:GetObject s3:ListBucket]
}

func ExampleCompare() {
	set := func(action string) *policy.Set {
		return policy.NewSet(policy.Load(`{"Version": "2012-10-17", "Statement":
  {"Effect": "Allow", "Action": "`+action+`", "Resource": "arn:aws:s3:::docs/*"}}`, policy.Managed))
	}
	before, after := set("s3:GetObject"), set("s3:Get*")

	c := policy.Compare(before, after, policy.CompareOptions{Actions: []string{"s3:GetObject", "s3:GetObjectAcl"}})
	fmt.Println(c.Answer, c.Example.Action, c.Example.Resource)
	fmt.Println(policy.Compare(after, before, policy.CompareOptions{}).Answer)
	// Output:
	// yes s3:GetObjectAcl arn:aws:s3:::docs/example
	// no
}
