package policy

// globalKeys are the types of AWS's global condition keys, by name in lower
// case (IAM user guide, "AWS global condition context keys"). One that ends in
// a slash is followed by the key of a tag.
var globalKeys = map[string]string{
	"aws:assumedroot": "Bool", "aws:calledvia": "ArrayOfString", "aws:calledviafirst": "String", "aws:calledvialast": "String",
	"aws:chatbotsourcearn": "ARN", "aws:currenttime": "Date", "aws:ec2instancesourceprivateipv4": "IPAddress", "aws:ec2instancesourcevpc": "String",
	"aws:epochtime": "Date", "aws:federatedprovider": "String", "aws:ismcpserviceaction": "Bool", "aws:multifactorauthage": "Numeric",
	"aws:multifactorauthpresent": "Bool", "aws:principalaccount": "String", "aws:principalarn": "ARN", "aws:principalisawsservice": "Bool",
	"aws:principalorgid": "String", "aws:principalorgmasteraccountid": "String", "aws:principalorgpaths": "ArrayOfString", "aws:principalservicename": "String", "aws:principalservicenameslist": "ArrayOfString",
	"aws:principaltag/": "String", "aws:principaltype": "String", "aws:referer": "String", "aws:requestedregion": "String",
	"aws:requesttag/": "String", "aws:resourceaccount": "String", "aws:resourceorgid": "String", "aws:resourceorgpaths": "ArrayOfString",
	"aws:resourcetag/": "String", "aws:securetransport": "Bool", "aws:signinsessionarn": "ARN", "aws:sourceaccount": "String", "aws:sourcearn": "ARN", "aws:sourceidentity": "String",
	"aws:sourceip": "IPAddress", "aws:sourceorgid": "String", "aws:sourceorgpaths": "ArrayOfString", "aws:sourceowner": "String", "aws:sourcevpc": "String",
	"aws:sourcevpcarn": "ARN", "aws:sourcevpce": "String", "aws:tagkeys": "ArrayOfString", "aws:tokenissuetime": "Date", "aws:useragent": "String",
	"aws:userid": "String", "aws:username": "String", "aws:viaawsservice": "Bool", "aws:viaawsmcpservice": "Bool", "aws:calledviaawsmcp": "String", "aws:vpceaccount": "String", "aws:vpceorgid": "String",
	"aws:vpceorgpaths": "ArrayOfString", "aws:vpcsourceip": "IPAddress",
}
