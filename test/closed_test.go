package test

import "testing"

// TestClosedAccount: nobody gets into a closed account any more, by whatever door.
func TestClosedAccount(t *testing.T) {
	t.Parallel()
	sc, _ := coverageScene(t)
	manager := sc.elsewhere("999988887777")
	manager.examiner()
	const federated = `"RoleArn":"arn:aws:iam::111122223333:role/federated"`
	doors := []string{
		`AssumeRoleWithWebIdentity {` + federated + `,"RoleSessionName":"ann","WebIdentityToken":"$token"}`,
		`AssumeRoleWithSAML {` + federated + `,"PrincipalArn":"arn:aws:iam::111122223333:saml-provider/idp","SAMLAssertion":"$response"}`,
	}
	across := []string{
		`AssumeRole {` + federated + `,"RoleSessionName":"ann"}`,
		`AssumeRoot {"TargetPrincipal":"111122223333","TaskPolicyArn":{"arn":"arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}}`,
	}
	sc.run(
		`CreateOpenIDConnectProvider {"Url":"$issuer","ClientIDList":["app"]} web=OpenIDConnectProviderArn`,
		`CreateSAMLProvider {"Name":"idp","SAMLMetadataDocument":"$metadata"} idp=SAMLProviderArn`,
		`CreateRole {"RoleName":"federated","AssumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"999988887777\",\"Federated\":[\"$web\",\"$idp\"]},\"Action\":[\"sts:AssumeRole\",\"sts:AssumeRoleWithSAML\",\"sts:AssumeRoleWithWebIdentity\"]}]}"}`,
		"anyone: "+doors[0], "anyone: "+doors[1]+" in_key=Credentials.AccessKeyId in_secret=Credentials.SecretAccessKey in_token=Credentials.SessionToken",
		`in: GetCallerIdentity {}`,
	)
	manager.run(
		`CreateOrganization {"FeatureSet":"ALL"}`,
		`InviteAccountToOrganization {"Target":{"Id":"111122223333","Type":"ACCOUNT"}} handshake=Handshake.Id`,
	)
	sc.vars["handshake"] = manager.vars["handshake"]
	sc.run(`AcceptHandshake {"HandshakeId":"$handshake"}`)
	manager.run(
		`EnableAWSServiceAccess {"ServicePrincipal":"iam.amazonaws.com"}`, `EnableOrganizationsRootSessions {}`,
		"examiner: "+across[0], "examiner: "+across[1],
		`CloseAccount {"AccountId":"111122223333"}`,
		"examiner: ! AccessDenied "+across[0], "examiner: ! AccessDenied "+across[1],
	)
	sc.run("anyone: ! AccessDenied "+doors[0], "anyone: ! AccessDenied "+doors[1], `in: ! AccessDenied GetCallerIdentity {}`, `! AccessDenied ListUsers {}`)
}
