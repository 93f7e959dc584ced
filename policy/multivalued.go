package policy

import (
	"slices"
	"strings"
)

// Multivalued says whether AWS documents a condition key as one that holds a
// list, so that it wants ForAllValues or ForAnyValue before its operator. Case
// doesn't matter.
func Multivalued(key string) bool {
	k := strings.ToLower(key)
	service, name, _ := strings.Cut(k, ":")
	switch k {
	case "saml:aud", "saml:iss", "saml:sub", "saml:sub_type", "saml:doc", "saml:namequalifier":
		return false
	}
	return service == "saml" || strings.HasSuffix(k, ":amr") || slices.Contains(strings.Fields(listKeys[service]), name)
}

// listKeys are the keys of type ArrayOfString, ArrayOfARN and so on of AWS's
// service authorization reference, by service, and those that its user guide
// calls multivalued. The keys of EventBridge and the Identity Store are left
// out: AWS's guides use them without a set operator.
var listKeys = map[string]string{
	"a4b":     "filters_devicetype",
	"account": "accountresourceorgpaths alternatecontacttypes",
	"acm":     "domainnames",
	"airflow": "teamnames",
	"apigateway": "request/apikeyrequired request/authorizertype request/authorizeruri request/conditionbasepaths " +
		"request/endpointtype request/routeauthorizationtype request/securitypolicy resource/apikeyrequired " +
		"resource/authorizertype resource/authorizeruri resource/conditionbasepaths resource/endpointtype " +
		"resource/routeauthorizationtype resource/securitypolicy",
	"autoscaling": "capacityreservationids capacityreservationresourcegrouparns loadbalancernames targetcapacitytypes " +
		"targetgrouparns trafficsourceidentifiers vpczoneidentifiers",
	"aws": "calledvia principalorgpaths principalservicenameslist resourceorgpaths sourceorgpaths tagkeys " +
		"vpceorgpaths",
	"aws-marketplace": "agreementtype productid",
	"backup":          "copytargetorgpaths copytargets frameworkarns",
	"bedrock-agentcore": "allowedqueryparameters allowedrequestheaders allowedresponseheaders credentialproviderscope " +
		"inboundjwtclaim/aud inboundjwtclaim/scope securitygroups subnets",
	"bedrock-mantle": "files",
	"cloudformation": "resourcetypes targetregion",
	"cloudshell":     "securitygroupids subnetids vpcids",
	"cloudwatch":     "alarmactions requestinsightruleloggroups requestmanagedresourcearns",
	"codebuild": "buildbatchconfig.restrictions.computetypesallowed buildbatchconfig.restrictions.fleetsallowed " +
		"cache.modes environment.environmentvariables.name environment.environmentvariables.value " +
		"filesystemlocations.identifier filesystemlocations.location filesystemlocations.type " +
		"secondaryartifacts.artifactidentifier secondaryartifacts.bucketowneraccess " +
		"secondaryartifacts.encryptiondisabled secondaryartifacts.location secondarysources.auth.resource " +
		"secondarysources.auth.type secondarysources.buildstatusconfig.context " +
		"secondarysources.buildstatusconfig.targeturl secondarysources.insecuressl secondarysources.location " +
		"secondarysources.sourceidentifier vpcconfig.securitygroupids vpcconfig.subnets",
	"comprehend": "vpcsecuritygroupids vpcsubnets",
	"connect": "flowtype listrealtimecontactanalysissegmentsbysegmenttype monitorcapabilities " +
		"searchcontactsbycontactanalysis",
	"datapipeline": "pipelinecreator workergroup",
	"deadline":     "farmmembershiplevels fleetmembershiplevels jobmembershiplevels queuemembershiplevels",
	"devops-guru":  "servicenames",
	"dsql":         "fistargetarns",
	"dynamodb": "attributes firstpartitionkeyvalues fistargetarns fourthpartitionkeyvalues leadingkeys " +
		"secondpartitionkeyvalues thirdpartitionkeyvalues",
	"ec2": "fistargetarns ikeversions phase1dhgroup phase1encryptionalgorithms phase1integrityalgorithms " +
		"phase2dhgroup phase2encryptionalgorithms phase2integrityalgorithms vpceprivatednsspecifieddomains",
	"ecs":                               "capacity-provider compute-compatibility subnet",
	"eks":                               "encryptionconfigproviderkeyarns kubernetesgroups namespaces",
	"elasticloadbalancing":              "listenerprotocol securitygroup securitypolicy subnet",
	"fis":                               "operations targets",
	"geo":                               "deviceids geofenceids",
	"glue":                              "securitygroupids subnetids vpcids",
	"iam":                               "accountpropertynamespaces",
	"imagebuilder":                      "createdresourcetagkeys",
	"iot":                               "thinggrouparn tunneldestinationservice",
	"iotfleetwise":                      "signals",
	"iotsitewise":                       "taskarns",
	"iottwinmaker":                      "linkedservices",
	"kinesis":                           "fistargetarns",
	"kms":                               "encryptioncontextkeys grantoperations resourcealiases",
	"lambda":                            "layer securitygroupids subnetids",
	"lex":                               "associatedintents associatedslottypes",
	"logs":                              "loggeneratingresourcearns",
	"networkmanager":                    "edgelocations subnetarns",
	"oam":                               "resourcetypes",
	"observabilityadmin":                "centralizationsourceid centralizationsourceregions",
	"partnercentral":                    "fulfillmenttypes programs",
	"partnercentral-account-management": "legacypartnercentralrole marketingcentralrole proserverole",
	"payment-cryptography":              "resourcealiases",
	"pi":                                "dimensions",
	"quicksight":                        "allowedembeddingdomains kmskeyarns",
	"refactor-spaces":                   "createdbyaccountids",
	"route53": "changeresourcerecordsetsactions changeresourcerecordsetsnormalizedrecordnames " +
		"changeresourcerecordsetsrecordtypes",
	"s3":        "inventoryaccessibleoptionalfields requestobjecttagkeys",
	"s3express": "inventoryaccessibleoptionalfields permissions",
	"sagemaker": "acceleratortypes customermetadatapropertiestoremove imagearns imageversionarns instancetypes " +
		"notebookinstancelifecycleconfigarns studiolifecycleconfigarns updatablefeatures vpcsecuritygroupids " +
		"vpcsubnets",
	"secretsmanager": "addreplicaregions",
	"ses":            "configurationsetoptions recipients replicaregion",
	"ssm":            "documentcategories documentversion inventorytypename",
	"states":         "statemachinequalifier",
	"sts":            "identitytokenaudience requestcontextproviders transitivetagkeys",
	"synthetics":     "names",
	"transfer":       "requestserverprotocols",
	"vpc-lattice":    "privatednsspecifieddomains securitygroupids targetgrouparns",
	"wisdom":         "messagetemplate/routingprofilearn searchfilter/qualifier",
}
