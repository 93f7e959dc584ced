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
	// identity-based policy ReadOwnFolder: implicitDeny
	//   4:5 Allow OwnFolder doesn't apply: Resource at 8:7 wants arn:aws:s3:::docs/${aws:username}/*, seen arn:aws:s3:::docs/bob/plan.txt
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
