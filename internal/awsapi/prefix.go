package awsapi

// modelBySigningName names the model for each signing name that we have one for.
// A test holds it against the models' own metadata.
var modelBySigningName = map[string]string{
	"access-analyzer": "accessanalyzer",
	"awsssoportal":    "sso",
	"cloudtrail":      "cloudtrail",
	"ec2":             "ec2",
	"iam":             "iam",
	"lambda":          "lambda",
	"organizations":   "organizations",
	"s3":              "s3",
	"secretsmanager":  "secretsmanager",
	"signin":          "signin",
	"sso-oauth":       "sso-oidc",
	"sts":             "sts",
}

// prefixBySigningName holds the services whose IAM prefix differs from the name
// in their credential scope (from the signing names of botocore 1.43 that are no
// prefix of the service authorization reference, and older names still in use).
var prefixBySigningName = map[string]string{
	"awsssoportal":            "sso",
	"cloudcontrolapi":         "cloudformation",
	"email":                   "ses",
	"iotdata":                 "iot",
	"iotdevicegateway":        "iot",
	"iot-jobs-data":           "iotjobsdata",
	"ioteventsdata":           "iotevents",
	"IoTSecuredTunneling":     "iot",
	"monitoring":              "cloudwatch",
	"mturk-requester":         "mechanicalturk",
	"partnercentral-account":  "partnercentral",
	"partnercentral-benefits": "partnercentral",
	"partnercentral-channel":  "partnercentral",
	"partnercentral-selling":  "partnercentral",
	"tagging":                 "tag",
}

// Prefix returns the prefix of the IAM actions of the service that a credential
// scope names, with or without a model: monitoring's actions are cloudwatch:….
// A name that isn't an exception is its own prefix.
func Prefix(signingName string) string {
	if p, ok := prefixBySigningName[signingName]; ok {
		return p
	}
	return signingName
}
