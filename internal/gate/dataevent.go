package gate

import (
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/trail"
)

// dataOperations are those whose events are data events, by service (CloudTrail
// User Guide, "Logging data events"; Amazon S3 User Guide, "Amazon S3 CloudTrail
// events").
var dataOperations = map[string][]string{
	"s3": {
		"AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject", "DeleteObjectTagging", "DeleteObjects",
		"GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "GetObjectTorrent",
		"HeadBucket", "HeadObject", "ListMultipartUploads", "ListObjectVersions", "ListObjects", "ListObjectsV2", "ListParts",
		"PutObject", "PutObjectAcl", "PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging", "RestoreObject", "SelectObjectContent",
		"UploadPart", "UploadPartCopy",
	},
	"lambda": {"Invoke", "InvokeAsync", "InvokeWithResponseStream"},
	"dynamodb": {
		"BatchExecuteStatement", "BatchGetItem", "BatchWriteItem", "DeleteItem", "ExecuteStatement", "ExecuteTransaction", "GetItem", "PutItem", "Query",
		"Scan", "TransactGetItems", "TransactWriteItems", "UpdateItem",
	},
}

// setData makes the event of a call that works on data a data event, and names
// the resources that were decided for.
func setData(e *trail.Event) {
	name, _, _ := strings.Cut(e.EventSource, ".")
	if !slices.Contains(dataOperations[name], e.EventName) {
		return
	}
	e.ManagementEvent, e.EventCategory = false, trail.CategoryData
	for _, target := range e.Own.Targets {
		parts := strings.SplitN(target, ":", 6)
		if len(parts) < 6 {
			continue // "*"
		}
		r := trail.ARNResource{ARN: target, AccountID: parts[4], Type: dataType(name, parts[5])}
		if name == "s3" {
			r.AccountID = "" // the name of an object doesn't tell whose it is
		}
		e.Resources = append(e.Resources, r)
		if bucket, _, object := strings.Cut(target, "/"); name == "s3" && object {
			e.Resources = append(e.Resources, trail.ARNResource{ARN: bucket, AccountID: e.RecipientAccountID, Type: "AWS::S3::Bucket"})
		}
	}
	if name == "s3" && len(e.Resources) == 1 && e.Resources[0].Type == "AWS::S3::Bucket" {
		// What lists objects is about those of a prefix: CloudTrail selects it by
		// the bucket's ARN with a slash.
		e.Resources = append([]trail.ARNResource{{ARN: e.Resources[0].ARN + "/", Type: "AWS::S3::Object"}}, e.Resources...)
	}
}

// dataType is CloudTrail's name of the type of a resource.
func dataType(service, resource string) string {
	switch {
	case service == "lambda":
		return "AWS::Lambda::Function"
	case service == "dynamodb":
		return "AWS::DynamoDB::Table"
	case strings.Contains(resource, "/"):
		return "AWS::S3::Object"
	}
	return "AWS::S3::Bucket"
}
