package arn_test

import (
	"fmt"

	"github.com/sallyport-iam/sallyport/arn"
)

func ExampleParse() {
	a, err := arn.Parse("arn:aws:iam::111122223333:user/team/ann")
	fmt.Println(a.Service, a.Account, a.Resource, err)
	// Output: iam 111122223333 user/team/ann <nil>
}

func ExampleMatch() {
	fmt.Println(arn.Match("arn:aws:s3:::docs/*", "arn:aws:s3:::docs/2026/plan.txt"))
	fmt.Println(arn.Match("arn:aws:sqs:*", "arn:aws:sqs:us-east-1:111122223333:orders"))
	// Output:
	// true
	// true
}
