package policy

// globalKeys are AWS's global condition keys by type (IAM user guide, "AWS
// global condition context keys"). One that ends in a slash is followed by the
// key of a tag.
var globalKeys = map[string][]string{
	"ARN": {"aws:ChatbotSourceArn", "aws:PrincipalArn", "aws:SignInSessionArn", "aws:SourceArn", "aws:SourceVpcArn"},
	"ArrayOfString": {
		"aws:CalledVia", "aws:PrincipalOrgPaths", "aws:PrincipalServiceNamesList", "aws:ResourceOrgPaths", "aws:SourceOrgPaths", "aws:TagKeys",
		"aws:VpceOrgPaths",
	},
	"Bool": {
		"aws:AssumedRoot", "aws:IsMcpServiceAction", "aws:MultiFactorAuthPresent", "aws:PrincipalIsAWSService", "aws:SecureTransport",
		"aws:ViaAWSMCPService", "aws:ViaAWSService",
	},
	"Date":      {"aws:CurrentTime", "aws:EpochTime", "aws:TokenIssueTime"},
	"IPAddress": {"aws:Ec2InstanceSourcePrivateIPv4", "aws:SourceIp", "aws:VpcSourceIp"},
	"Numeric":   {"aws:MultiFactorAuthAge"},
	"String": {
		"aws:CalledViaAWSMCP", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:Ec2InstanceSourceVpc", "aws:FederatedProvider", "aws:PrincipalAccount",
		"aws:PrincipalOrgID", "aws:PrincipalOrgMasterAccountId", "aws:PrincipalServiceName", "aws:PrincipalTag/", "aws:PrincipalType", "aws:referer",
		"aws:RequestedRegion", "aws:RequestTag/", "aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceTag/", "aws:SourceAccount",
		"aws:SourceIdentity", "aws:SourceOrgID", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce", "aws:UserAgent", "aws:userid", "aws:username",
		"aws:VpceAccount", "aws:VpceOrgID",
	},
}

// globalTypes are the types of global keys by name in lower case.
var globalTypes = func() map[string]string {
	types := map[string]string{}
	for kind, names := range globalKeys {
		for _, name := range names {
			types[lowerASCII(name)] = kind
		}
	}
	return types
}()

// GlobalKeys returns the types of AWS's global condition keys by name. A name
// that ends in a slash is followed by the key of a tag.
func GlobalKeys() map[string]string {
	types := map[string]string{}
	for kind, names := range globalKeys {
		for _, name := range names {
			types[name] = kind
		}
	}
	return types
}
