"""Roles, instance profiles and their sessions, as boto3 sees them. Prints "ok" and the name of each test that passes."""
import json
import os
import sys
import traceback
import urllib.parse

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = os.environ["SALLYPORT_ENDPOINT"]
config = Config(region_name="us-east-1", retries={"max_attempts": 0})


def clients(**keys):
    session = boto3.Session(**keys)
    return [session.client(name, endpoint_url=endpoint, config=config) for name in ("iam", "sts")]


iam, sts = clients()
account = sts.get_caller_identity()["Account"]
none = "arn:aws:iam::%s:user/none" % account


def refused(code, status, text, call, **arguments):
    try:
        call(**arguments)
    except ClientError as e:
        got = (e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"].get("Message"))
        assert got == (code, status, text), "got %r, want %r" % (got, (code, status, text))
        return
    raise AssertionError("%r succeeded, want %s" % (arguments, code))


def same(got, want):
    assert got == want, "got %r\nwant %r" % (got, want)


def body(answer):
    return {k: v for k, v in answer.items() if k != "ResponseMetadata"}


def trust(principal, action="sts:AssumeRole"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": action}]})


ec2 = trust({"Service": "ec2.amazonaws.com"})
reads = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:Get*", "Resource": "*"}]})


def test_role_lifecycle():
    made = iam.create_role(RoleName="life", Path="/a/b/", AssumeRolePolicyDocument=ec2, Description="d", MaxSessionDuration=7200,
                           Tags=[{"Key": "k", "Value": "v"}])["Role"]
    same(sorted(made), ["Arn", "AssumeRolePolicyDocument", "CreateDate", "Path", "RoleId", "RoleName", "Tags"])
    same((made["Arn"], made["RoleId"][:4], made["AssumeRolePolicyDocument"]),
         ("arn:aws:iam::%s:role/a/b/life" % account, "AROA", json.loads(ec2)))
    got = iam.get_role(RoleName="LIFE")["Role"]
    same(got, dict(made, Description="d", MaxSessionDuration=7200, RoleLastUsed={}))
    listed = iam.list_roles(PathPrefix="/a/")["Roles"]
    same(listed, [{k: v for k, v in got.items() if k not in ("Tags", "RoleLastUsed")}])
    same(iam.list_roles(PathPrefix="/none/")["Roles"], [])
    same(body(iam.update_role(RoleName="life", MaxSessionDuration=3600)), {})
    got = iam.get_role(RoleName="life")["Role"]
    same((got["Description"], got["MaxSessionDuration"]), ("d", 3600))
    changed = iam.update_role_description(RoleName="life", Description="other")["Role"]
    same((changed["Description"], "MaxSessionDuration" in changed), ("other", False))
    iam.update_assume_role_policy(RoleName="life", PolicyDocument=trust({"AWS": account}))
    same(iam.get_role(RoleName="life")["Role"]["AssumeRolePolicyDocument"], json.loads(trust({"AWS": account})))
    refused("EntityAlreadyExists", 409, "Role with name LIFE already exists.", iam.create_role, RoleName="LIFE", AssumeRolePolicyDocument=ec2)
    iam.put_role_policy(RoleName="life", PolicyName="p", PolicyDocument=reads)
    same(body(iam.get_role_policy(RoleName="life", PolicyName="p")), {"RoleName": "life", "PolicyName": "p", "PolicyDocument": json.loads(reads)})
    same(iam.list_role_policies(RoleName="life")["PolicyNames"], ["p"])
    refused("DeleteConflict", 409, "Cannot delete entity, must delete policies first.", iam.delete_role, RoleName="life")
    iam.delete_role_policy(RoleName="life", PolicyName="p")
    refused("NoSuchEntity", 404, "The role policy with name p cannot be found.", iam.delete_role_policy, RoleName="life", PolicyName="p")
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    iam.attach_role_policy(RoleName="life", PolicyArn=arn)
    same(iam.list_attached_role_policies(RoleName="life")["AttachedPolicies"], [{"PolicyName": "ReadOnlyAccess", "PolicyArn": arn}])
    same([r["RoleName"] for r in iam.list_entities_for_policy(PolicyArn=arn, EntityFilter="Role")["PolicyRoles"]], ["life"])
    same(iam.get_account_summary()["SummaryMap"]["Roles"], len(iam.list_roles()["Roles"]))
    refused("DeleteConflict", 409, "Cannot delete entity, must detach all policies first.", iam.delete_role, RoleName="life")
    iam.detach_role_policy(RoleName="life", PolicyArn=arn)
    refused("NoSuchEntity", 404, "Policy %s was not found." % arn, iam.detach_role_policy, RoleName="life", PolicyArn=arn)
    iam.delete_role(RoleName="life")
    refused("NoSuchEntity", 404, "The role with name life cannot be found.", iam.get_role, RoleName="life")
    refused("NoSuchEntity", 404, "The role with name life cannot be found.", iam.delete_role, RoleName="life")


def test_role_tags():
    iam.create_role(RoleName="tags", AssumeRolePolicyDocument=ec2)
    iam.tag_role(RoleName="tags", Tags=[{"Key": "somekey", "Value": "1"}, {"Key": "b", "Value": ""}])
    iam.tag_role(RoleName="tags", Tags=[{"Key": "SomeKey", "Value": "2"}])
    same(iam.list_role_tags(RoleName="tags")["Tags"], [{"Key": "SomeKey", "Value": "2"}, {"Key": "b", "Value": ""}])
    iam.untag_role(RoleName="tags", TagKeys=["SOMEKEY", "none"])
    same(iam.get_role(RoleName="tags")["Role"]["Tags"], [{"Key": "b", "Value": ""}])
    refused("InvalidInput", 400, "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            iam.tag_role, RoleName="tags", Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])
    iam.delete_role(RoleName="tags")


def test_role_boundary():
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=reads)["Policy"]["Arn"]
    made = iam.create_role(RoleName="bound", AssumeRolePolicyDocument=ec2, PermissionsBoundary=arn)["Role"]
    want = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    same((made["PermissionsBoundary"], iam.get_role(RoleName="bound")["Role"]["PermissionsBoundary"]), (want, want))
    same(iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"], 1)
    iam.delete_role_permissions_boundary(RoleName="bound")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="bound")["Role"]
    refused("NoSuchEntity", 404, "Scope ARN: %sx does not exist or is not attachable." % arn,
            iam.put_role_permissions_boundary, RoleName="bound", PermissionsBoundary=arn + "x")
    refused("InvalidInput", 400, "ARN arn:aws:iam::aws:user/x is not valid.",
            iam.put_role_permissions_boundary, RoleName="bound", PermissionsBoundary="arn:aws:iam::aws:user/x")
    iam.put_role_permissions_boundary(RoleName="bound", PermissionsBoundary=arn)
    iam.delete_role(RoleName="bound")  # a boundary doesn't keep a role
    iam.delete_policy(PolicyArn=arn)


def test_trust_policies():
    def make(document):
        return dict(RoleName="bad", AssumeRolePolicyDocument=document)

    bad = [
        ("not json", "This policy contains invalid Json"),
        (trust({"AWS": account}, "sts:InvalidAction"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (trust({"AWS": account}, "s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (trust({"AWS": account}).replace('"Action"', '"Resource": "*", "Action"'), "Has prohibited field Resource"),
        (trust({"AWS": none}), 'Invalid principal in policy: "AWS":"%s"' % none),
        (trust({"AWS": "arn:aws:iam::%s:role/none" % account}), 'Invalid principal in policy: "AWS":"arn:aws:iam::%s:role/none"' % account),
        (trust({"AWS": "AIDAAAAAAAAAAAAAAAAAA"}), 'Invalid principal in policy: "AWS":"AIDAAAAAAAAAAAAAAAAAA"'),
    ]
    for document, text in bad:
        refused("MalformedPolicyDocument", 400, text, iam.create_role, **make(document))
    long = trust({"AWS": ["arn:aws:sts::%s:assumed-role/r/%d" % (account, n) for n in range(60)]})
    refused("LimitExceeded", 409, "Cannot exceed quota for ACLSizePerRole: 2048", iam.create_role, **make(long))
    refused("NoSuchEntity", 404, "The role with name bad cannot be found.", iam.get_role, RoleName="bad")


def test_trusted_names_are_ids():
    user = iam.create_user(UserName="trusted")["User"]
    iam.create_role(RoleName="trusts", AssumeRolePolicyDocument=trust({"AWS": user["Arn"]}))
    shown = lambda: iam.get_role(RoleName="trusts")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]
    same(shown(), user["Arn"])
    iam.update_user(UserName="trusted", NewUserName="renamed", NewPath="/new/")
    same(shown(), "arn:aws:iam::%s:user/new/renamed" % account)
    iam.delete_user(UserName="renamed")
    same(shown(), user["UserId"])
    iam.create_user(UserName="trusted")
    same(shown(), user["UserId"])
    iam.delete_user(UserName="trusted")
    iam.delete_role(RoleName="trusts")


def test_instance_profiles():
    made = iam.create_instance_profile(InstanceProfileName="ip", Path="/p/", Tags=[{"Key": "k", "Value": "v"}])["InstanceProfile"]
    same((made["Arn"], made["InstanceProfileId"][:4], made["Roles"], made["Tags"]),
         ("arn:aws:iam::%s:instance-profile/p/ip" % account, "AIPA", [], [{"Key": "k", "Value": "v"}]))
    refused("EntityAlreadyExists", 409, "Instance Profile ip already exists.", iam.create_instance_profile, InstanceProfileName="ip")
    for name in ("one", "two"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=ec2)
    refused("NoSuchEntity", 404, "The role with name none cannot be found.", iam.add_role_to_instance_profile, InstanceProfileName="ip", RoleName="none")
    refused("NoSuchEntity", 404, "Instance Profile none cannot be found.", iam.add_role_to_instance_profile, InstanceProfileName="none", RoleName="one")
    iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="one")
    refused("LimitExceeded", 409, "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
            iam.add_role_to_instance_profile, InstanceProfileName="ip", RoleName="two")
    got = iam.get_instance_profile(InstanceProfileName="ip")["InstanceProfile"]
    same(([r["RoleName"] for r in got["Roles"]], "MaxSessionDuration" in got["Roles"][0]), (["one"], False))
    same([p["InstanceProfileName"] for p in iam.list_instance_profiles_for_role(RoleName="one")["InstanceProfiles"]], ["ip"])
    same(iam.list_instance_profiles_for_role(RoleName="two")["InstanceProfiles"], [])
    refused("NoSuchEntity", 404, "The role with name none cannot be found.", iam.list_instance_profiles_for_role, RoleName="none")
    listed = iam.list_instance_profiles(PathPrefix="/p/")["InstanceProfiles"]
    same(([p["InstanceProfileName"] for p in listed], "Tags" in listed[0]), (["ip"], False))
    refused("DeleteConflict", 409, "Cannot delete entity, must remove roles from instance profile first.", iam.delete_role, RoleName="one")
    refused("DeleteConflict", 409, "Cannot delete entity, must remove roles from instance profile first.", iam.delete_instance_profile, InstanceProfileName="ip")
    refused("NoSuchEntity", 404, "Role two in Instance Profile ip cannot be found.", iam.remove_role_from_instance_profile, InstanceProfileName="ip", RoleName="two")
    iam.remove_role_from_instance_profile(InstanceProfileName="ip", RoleName="one")
    iam.tag_instance_profile(InstanceProfileName="ip", Tags=[{"Key": "K", "Value": "w"}])
    same([t["Key"] for t in iam.list_instance_profile_tags(InstanceProfileName="ip")["Tags"]], ["K", "k"])
    iam.untag_instance_profile(InstanceProfileName="ip", TagKeys=["K", "k"])
    same(iam.get_instance_profile(InstanceProfileName="ip")["InstanceProfile"]["Tags"], [])
    for name in ("one", "two"):
        iam.delete_role(RoleName=name)
    iam.delete_instance_profile(InstanceProfileName="ip")
    refused("NoSuchEntity", 404, "Instance Profile ip cannot be found.", iam.delete_instance_profile, InstanceProfileName="ip")


def test_pass_role():
    iam.create_user(UserName="passer")
    own = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:AddRoleToInstanceProfile", "Resource": "*"}]}
    iam.put_user_policy(UserName="passer", PolicyName="p", PolicyDocument=json.dumps(own))
    key = iam.create_access_key(UserName="passer")["AccessKey"]
    theirs, _ = clients(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    role = iam.create_role(RoleName="passed", AssumeRolePolicyDocument=ec2)["Role"]["Arn"]
    iam.create_instance_profile(InstanceProfileName="pass")
    refused("AccessDenied", 403, "User: arn:aws:iam::%s:user/passer is not authorized to perform: iam:PassRole on resource: %s because no "
            "identity-based policy allows the iam:PassRole action" % (account, role),
            theirs.add_role_to_instance_profile, InstanceProfileName="pass", RoleName="passed")
    own["Statement"].append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": role,
                             "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}})
    iam.put_user_policy(UserName="passer", PolicyName="p", PolicyDocument=json.dumps(own))
    theirs.add_role_to_instance_profile(InstanceProfileName="pass", RoleName="passed")


def test_simulate_role():
    arn = iam.create_role(RoleName="sim", AssumeRolePolicyDocument=ec2)["Role"]["Arn"]
    iam.put_role_policy(RoleName="sim", PolicyName="p", PolicyDocument=reads)
    results = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["iam:GetUser", "iam:ListUsers"])["EvaluationResults"]
    same([r["EvalDecision"] for r in results], ["allowed", "implicitDeny"])
    same(results[0]["MatchedStatements"][0]["SourcePolicyId"], "role_sim_p")
    refused("NoSuchEntity", 404, "The role with name none cannot be found.", iam.simulate_principal_policy,
            PolicySourceArn=arn.replace("sim", "none"), ActionNames=["iam:GetUser"])
    same(iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"], [])


def test_paging():
    for n in range(5):
        iam.create_role(RoleName="page%d" % n, Path="/page/", AssumeRolePolicyDocument=ec2)
    first = iam.list_roles(PathPrefix="/page/", MaxItems=2)
    same((len(first["Roles"]), first["IsTruncated"]), (2, True))
    rest = iam.list_roles(PathPrefix="/page/", Marker=first["Marker"])
    same((len(rest["Roles"]), rest["IsTruncated"], "Marker" in rest), (3, False, False))
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/page/", PaginationConfig={"PageSize": 1})
    same([r["RoleName"] for p in pages for r in p["Roles"]], ["page%d" % n for n in range(5)])
    for n in range(5):
        iam.delete_role(RoleName="page%d" % n)


def test_waiter_and_resource():
    resource = boto3.resource("iam", endpoint_url=endpoint, config=config)
    role = resource.create_role(RoleName="res", AssumeRolePolicyDocument=ec2)
    iam.get_waiter("role_exists").wait(RoleName="res")
    same(role.assume_role_policy_document, json.loads(ec2))
    role.Policy("p").put(PolicyDocument=reads)
    same([p.name for p in role.policies.all()], ["p"])
    role.Policy("p").delete()
    profile = resource.create_instance_profile(InstanceProfileName="res")
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="res")
    profile.add_role(RoleName="res")
    same([p.name for p in role.instance_profiles.all()], ["res"])
    profile.remove_role(RoleName="res")
    profile.delete()
    role.delete()


def test_sessions():
    iam.create_user(UserName="sess")
    key = iam.create_access_key(UserName="sess")["AccessKey"]
    _, theirs = clients(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    arn = iam.create_role(RoleName="sess", AssumeRolePolicyDocument=trust({"AWS": "arn:aws:iam::%s:user/sess" % account}))["Role"]["Arn"]
    iam.put_role_policy(RoleName="sess", PolicyName="p", PolicyDocument=reads)
    out = theirs.assume_role(RoleArn=arn, RoleSessionName="s1")
    same(sorted(body(out)), ["AssumedRoleUser", "Credentials"])
    c = out["Credentials"]
    riam, rsts = clients(aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
    who = rsts.get_caller_identity()
    same((who["Arn"], who["UserId"]), (out["AssumedRoleUser"]["Arn"], out["AssumedRoleUser"]["AssumedRoleId"]))
    riam.get_user(UserName="sess")
    refused("ValidationError", 400, "Must specify userName when calling with non-User credentials", riam.get_user)
    refused("ValidationError", 400, "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*", theirs.assume_role, RoleArn=arn, RoleSessionName="Session1:2")
    used = iam.get_role(RoleName="sess")["Role"]["RoleLastUsed"]
    same((sorted(used), used["Region"]), (["LastUsedDate", "Region"], "us-east-1"))


def test_preferences():
    iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
    same(iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"], 2)
    iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v1Token")
    same(iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"], 1)


failed = 0
for name, test in sorted((n, f) for n, f in globals().items() if n.startswith("test_")):
    try:
        test()
        print("ok", name)
    except Exception:
        failed += 1
        print("FAILED", name)
        traceback.print_exc(file=sys.stdout)
sys.exit(failed > 0)
