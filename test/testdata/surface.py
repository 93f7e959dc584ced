"""Plays IAM's and STS's surface through boto3 against one server.

Its environment: SALLYPORT_ENDPOINT, and the root user's pair as AWS_ACCESS_KEY_ID
and AWS_SECRET_ACCESS_KEY. Each function named test_* is a test; every failed
expectation is printed as a line that begins with FAIL, and makes the exit code 1.
"""

import datetime
import json
import os
import sys
import traceback

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["SALLYPORT_ENDPOINT"]
CONFIG = Config(retries={"max_attempts": 0}, parameter_validation=False)


def client(service, region="us-east-1", **kw):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name=region, config=CONFIG, **kw)


iam = client("iam")
sts = client("sts")
ACCOUNT = sts.get_caller_identity()["Account"]
failures = []
current = ""


def fail(text):
    failures.append(text)
    where = traceback.extract_stack()[:-2]
    line = next((f.lineno for f in reversed(where) if f.name.startswith("test_")), "?")
    print(f"FAIL {current} (line {line}): {text}")


def same(got, want, what="value"):
    if got != want:
        fail(f"{what} = {got!r}, want {want!r}")


def members(got, want, what="answer"):
    same(sorted(got), sorted(want), f"members of {what}")


def refused(code, status, text, call, **kw):
    try:
        out = call(**kw)
    except ClientError as e:
        error = e.response["Error"]
        got = (error["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"], error.get("Message", ""))
        want = (code, status or got[1], got[2] if text is None else text)
        if got != want:
            fail(f"{kw!r} refused with {got!r}, want {want!r}")
    else:
        fail(f"{kw!r} succeeded with {out!r}, want {code}")


def empty(out):
    members(out, ["ResponseMetadata"], "an answer without output")


def pages(operation, member, c=None, **kw):
    """All items, one to a page; the same as in one page."""
    c = c or iam
    found = []
    for n, page in enumerate(each_page(c, operation, kw)):
        if len(page[member]) > 1:
            fail(f"{operation} with MaxItems 1 gives {len(page[member])} items")
        if page["IsTruncated"] != ("Marker" in page):
            fail(f"{operation}: IsTruncated {page['IsTruncated']}, Marker {page.get('Marker')!r}")
        found += page[member]
        if n > 200:
            fail(f"{operation} has no end")
            break
    whole = getattr(c, operation)(**kw)
    same(found, whole[member], f"{operation} page by page")
    same(whole["IsTruncated"], False, f"{operation}'s IsTruncated")
    refused("ValidationError", 400, "Invalid Marker.", getattr(c, operation), Marker="bm90IG1pbmU", **kw)
    return found


def each_page(c, operation, kw):
    if c.can_paginate(operation):
        yield from c.get_paginator(operation).paginate(PaginationConfig={"PageSize": 1}, **kw)
        return
    marker = {}  # an older boto3 has no paginator for it
    while True:
        page = getattr(c, operation)(MaxItems=1, **marker, **kw)
        yield page
        if not page["IsTruncated"]:
            return
        marker = {"Marker": page["Marker"]}


def policy(action="s3:GetObject", effect="Allow", resource="*"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": resource}]})


def validation(*errors):
    head = "1 validation error detected: " if len(errors) == 1 else f"{len(errors)} validation errors detected: "
    return head + "; ".join(f"Value at '{member}' failed to satisfy constraint: {text}" for member, text in errors)


TAGS = [{"Key": "Environment", "Value": "prod"}, {"Key": "Team", "Value": ""}]
# Everything that encoders get wrong: white space, plus, percent, order, a lone
# statement that is no list, quotes, and a letter beyond ASCII.
ODD = '{ "Statement" :\n {"Resource":["*"], "Effect":"Allow",\t"Action":"s3:*",' \
      '"Sid":"abc", "Condition":{"StringLike":{"aws:UserAgent":["a+b %3A%2F &<>\\"\' caf\u00e9","*"]}} },\r\n "Version":"2012-10-17" }'


# Users

def test_users():
    out = iam.create_user(UserName="Ann", Path="/division/", Tags=TAGS)
    u = out["User"]
    members(u, ["Path", "UserName", "UserId", "Arn", "CreateDate", "Tags"], "User")
    same(u["Arn"], f"arn:aws:iam::{ACCOUNT}:user/division/Ann")
    same(u["UserId"][:4] + str(len(u["UserId"])), "AIDA21")
    same(u["Tags"], TAGS)
    age = datetime.datetime.now(datetime.timezone.utc) - u["CreateDate"]
    same(abs(age.total_seconds()) < 300, True, "CreateDate is now")
    same(iam.get_user(UserName="ann")["User"], u, "the user under another case")
    members(iam.create_user(UserName="bob")["User"], ["Path", "UserName", "UserId", "Arn", "CreateDate"], "User")
    refused("EntityAlreadyExists", 409, "User with name ANN already exists.", iam.create_user, UserName="ANN")
    refused("NoSuchEntity", 404, "The user with name nobody cannot be found.", iam.get_user, UserName="nobody")
    listed = iam.list_users(PathPrefix="/division/")["Users"]
    same([v["UserName"] for v in listed], ["Ann"])
    members(listed[0], ["Path", "UserName", "UserId", "Arn", "CreateDate"], "an item of ListUsers")
    same([v["UserName"] for v in pages("list_users", "Users") if v["UserName"] in ("Ann", "bob")], ["Ann", "bob"])
    iam.get_waiter("user_exists").wait(UserName="bob", WaiterConfig={"Delay": 1, "MaxAttempts": 2})

    empty(iam.update_user(UserName="bob", NewUserName="Robert", NewPath="/x/y/"))
    refused("NoSuchEntity", 404, "The user with name bob cannot be found.", iam.get_user, UserName="bob")
    same(iam.get_user(UserName="robert")["User"]["Arn"], f"arn:aws:iam::{ACCOUNT}:user/x/y/Robert")
    refused("EntityAlreadyExists", 409, "User with name Ann already exists.", iam.update_user, UserName="robert", NewUserName="Ann")
    empty(iam.update_user(UserName="robert", NewUserName="ROBERT"))
    same(iam.get_user(UserName="robert")["User"]["UserName"], "ROBERT")
    refused("NoSuchEntity", 404, "The user with name nobody cannot be found.", iam.delete_user, UserName="nobody")
    empty(iam.delete_user(UserName="ROBERT"))
    empty(iam.delete_user(UserName="Ann"))
    fresh = iam.create_user(UserName="Ann")["User"]
    same(fresh["UserId"] != u["UserId"], True, "a new user of an old name has a new id")
    iam.delete_user(UserName="Ann")


def test_validation():
    charset = "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
    refused("ValidationError", 400, charset.format("userName"), iam.create_user, UserName="a b")
    refused("ValidationError", 400, charset.format("groupName"), iam.create_group, GroupName="a/b")
    refused("ValidationError", 400, validation(("userName", "Member must have length less than or equal to 64")), iam.create_user, UserName="a" * 65)
    refused("ValidationError", 400, validation(("userName", "Member must not be null")), iam.create_user)
    path = "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
    refused("ValidationError", 400, path, iam.create_user, UserName="a", Path="no-slash")
    refused("ValidationError", 400, path, iam.create_user, UserName="a", Path="/no-end")
    refused("ValidationError", 400, path.replace("path is", "newPath is"), iam.update_user, UserName="a", NewPath="/no-end")
    refused("ValidationError", 400, validation(("path", "Member must have length less than or equal to 512")), iam.create_user, UserName="a", Path="/" + "a" * 512 + "/")
    refused("ValidationError", 400, "The specified value for pathPrefix is invalid. It must begin with the / character and contain only alphanumeric characters and/or / characters.",
            iam.list_users, PathPrefix="x")
    refused("ValidationError", 400, None, iam.list_users, MaxItems=0)
    refused("ValidationError", 400, None, iam.list_users, MaxItems=1001)
    same(iam.list_users(MaxItems=1000)["IsTruncated"], False)
    refused("ValidationError", 400, validation(("status", "Member must satisfy enum value set")), iam.update_access_key, AccessKeyId="A" * 20, Status="Sleeping")
    refused("ValidationError", 400, validation(("tags.1.member.key", "Member must have length less than or equal to 128")),
            iam.create_user, UserName="a", Tags=[{"Key": "k" * 129, "Value": ""}])
    refused("ValidationError", 400, None, iam.create_user, UserName="a", Tags=[{"Key": str(i), "Value": ""} for i in range(51)])
    refused("NoSuchEntity", 404, None, iam.get_user, UserName="a")


def test_user_dependants():
    iam.create_user(UserName="held")
    iam.create_group(GroupName="holders")
    iam.add_user_to_group(UserName="held", GroupName="holders")
    refused("DeleteConflict", 409, "Cannot delete entity, must remove users from group first.", iam.delete_user, UserName="held")
    refused("DeleteConflict", 409, "Cannot delete entity, must remove users from group first.", iam.delete_group, GroupName="holders")
    iam.remove_user_from_group(UserName="held", GroupName="holders")
    key = iam.create_access_key(UserName="held")["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName="held", AccessKeyId=key, Status="Inactive")
    refused("DeleteConflict", 409, "Cannot delete entity, must delete access keys first.", iam.delete_user, UserName="held")
    iam.delete_access_key(UserName="held", AccessKeyId=key)
    for kind, name, delete in (("user", "held", iam.delete_user), ("group", "holders", iam.delete_group)):
        arg = {kind.capitalize() + "Name": name}
        getattr(iam, f"put_{kind}_policy")(PolicyName="p", PolicyDocument=policy(), **arg)
        refused("DeleteConflict", 409, "Cannot delete entity, must delete policies first.", delete, **arg)
        getattr(iam, f"delete_{kind}_policy")(PolicyName="p", **arg)
        getattr(iam, f"attach_{kind}_policy")(PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess", **arg)
        refused("DeleteConflict", 409, "Cannot delete entity, must detach all policies first.", delete, **arg)
        getattr(iam, f"detach_{kind}_policy")(PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess", **arg)
        empty(delete(**arg))


# Access keys

def test_access_keys():
    iam.create_user(UserName="keys")
    same(iam.list_access_keys(UserName="keys")["AccessKeyMetadata"], [])
    k = iam.create_access_key(UserName="keys")["AccessKey"]
    members(k, ["UserName", "AccessKeyId", "Status", "SecretAccessKey", "CreateDate"], "AccessKey")
    same((k["Status"], k["AccessKeyId"][:4], len(k["AccessKeyId"]), len(k["SecretAccessKey"])), ("Active", "AKIA", 20, 40))
    same(sts.get_access_key_info(AccessKeyId=k["AccessKeyId"])["Account"], ACCOUNT)
    other = iam.create_access_key(UserName="keys")["AccessKey"]
    refused("LimitExceeded", 409, "Cannot exceed quota for AccessKeysPerUser: 2", iam.create_access_key, UserName="keys")
    empty(iam.update_access_key(UserName="keys", AccessKeyId=other["AccessKeyId"], Status="Inactive"))
    refused("LimitExceeded", 409, "Cannot exceed quota for AccessKeysPerUser: 2", iam.create_access_key, UserName="keys")
    listed = pages("list_access_keys", "AccessKeyMetadata", UserName="keys")
    same([(i["AccessKeyId"], i["Status"]) for i in listed], [(k["AccessKeyId"], "Active"), (other["AccessKeyId"], "Inactive")])
    members(listed[0], ["UserName", "AccessKeyId", "Status", "CreateDate"], "an item of ListAccessKeys")
    missing = "AKIA" + "A" * 16
    text = f"The Access Key with id {missing} cannot be found."
    refused("NoSuchEntity", 404, text, iam.update_access_key, UserName="keys", AccessKeyId=missing, Status="Active")
    refused("NoSuchEntity", 404, text, iam.delete_access_key, UserName="keys", AccessKeyId=missing)
    iam.create_user(UserName="keyless")
    refused("NoSuchEntity", 404, f"The Access Key with id {k['AccessKeyId']} cannot be found.", iam.delete_access_key, UserName="keyless", AccessKeyId=k["AccessKeyId"])
    refused("NoSuchEntity", 404, "The user with name nobody cannot be found.", iam.create_access_key, UserName="nobody")
    refused("NoSuchEntity", 404, "The user with name nobody cannot be found.", iam.list_access_keys, UserName="nobody")
    iam.delete_user(UserName="keyless")

    used = iam.get_access_key_last_used(AccessKeyId=k["AccessKeyId"])
    same((used["UserName"], used["AccessKeyLastUsed"]), ("keys", {"ServiceName": "N/A", "Region": "N/A"}))
    elsewhere = client("iam", region="eu-west-1", aws_access_key_id=k["AccessKeyId"], aws_secret_access_key=k["SecretAccessKey"])
    refused("AccessDenied", 403, None, elsewhere.list_users)
    used = iam.get_access_key_last_used(AccessKeyId=k["AccessKeyId"])["AccessKeyLastUsed"]
    same((used["ServiceName"], used["Region"]), ("iam", "us-east-1"), "the last use, of IAM in another region")
    refused("AccessDenied", 403, f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key {missing}",
            iam.get_access_key_last_used, AccessKeyId=missing)
    me = client("sts", aws_access_key_id=k["AccessKeyId"], aws_secret_access_key=k["SecretAccessKey"])
    same(me.get_caller_identity()["Arn"], f"arn:aws:iam::{ACCOUNT}:user/keys")
    used = iam.get_access_key_last_used(AccessKeyId=k["AccessKeyId"])["AccessKeyLastUsed"]
    same((used["ServiceName"], used["Region"]), ("sts", "us-east-1"))
    iam.update_access_key(UserName="keys", AccessKeyId=k["AccessKeyId"], Status="Inactive")
    refused("InvalidClientTokenId", 403, None, me.get_caller_identity)
    for key in (k, other):
        empty(iam.delete_access_key(UserName="keys", AccessKeyId=key["AccessKeyId"]))
    iam.delete_user(UserName="keys")


# Groups

def test_groups():
    g = iam.create_group(GroupName="Devs", Path="/eng/")["Group"]
    members(g, ["Path", "GroupName", "GroupId", "Arn", "CreateDate"], "Group")
    same(g["Arn"], f"arn:aws:iam::{ACCOUNT}:group/eng/Devs")
    same(g["GroupId"][:4], "AGPA")
    refused("EntityAlreadyExists", 409, "Group with name devs already exists.", iam.create_group, GroupName="devs")
    for name in ("g1", "g2", "g3"):
        iam.create_user(UserName=name)
        empty(iam.add_user_to_group(GroupName="devs", UserName=name))
    empty(iam.add_user_to_group(GroupName="devs", UserName="g1"))
    got = iam.get_group(GroupName="devs")
    members(got, ["Group", "Users", "IsTruncated", "ResponseMetadata"], "GetGroup")
    same(got["Group"], g)
    same(sorted(u["UserName"] for u in pages("get_group", "Users", GroupName="devs")), ["g1", "g2", "g3"])
    empty(iam.remove_user_from_group(GroupName="devs", UserName="g1"))
    empty(iam.remove_user_from_group(GroupName="devs", UserName="g1"))
    refused("NoSuchEntity", 404, "The user with name nobody cannot be found.", iam.add_user_to_group, GroupName="devs", UserName="nobody")
    refused("NoSuchEntity", 404, "The group with name nogroup cannot be found.", iam.add_user_to_group, GroupName="nogroup", UserName="g1")
    refused("NoSuchEntity", 404, "The user with name nobody cannot be found.", iam.remove_user_from_group, GroupName="nogroup", UserName="nobody")
    iam.create_group(GroupName="ops")
    iam.add_user_to_group(GroupName="ops", UserName="g2")
    same([v["GroupName"] for v in pages("list_groups_for_user", "Groups", UserName="g2")], ["Devs", "ops"])
    same([v["GroupName"] for v in pages("list_groups", "Groups")], ["Devs", "ops"])
    same([v["GroupName"] for v in iam.list_groups(PathPrefix="/eng/")["Groups"]], ["Devs"])
    refused("EntityAlreadyExists", 409, "Group with name ops already exists.", iam.update_group, GroupName="devs", NewGroupName="ops")
    empty(iam.update_group(GroupName="devs", NewGroupName="Makers", NewPath="/"))
    refused("NoSuchEntity", 404, "The group with name devs cannot be found.", iam.get_group, GroupName="devs")
    made = iam.get_group(GroupName="Makers")
    same((made["Group"]["GroupId"], sorted(u["UserName"] for u in made["Users"])), (g["GroupId"], ["g2", "g3"]))
    iam.update_user(UserName="g3", NewUserName="g3b")
    same(sorted(u["UserName"] for u in iam.get_group(GroupName="Makers")["Users"]), ["g2", "g3b"])
    for i in range(9):
        iam.create_group(GroupName=f"many{i}")
        iam.add_user_to_group(GroupName=f"many{i}", UserName="g1")
    iam.add_user_to_group(GroupName="Makers", UserName="g1")
    refused("LimitExceeded", 409, "Cannot exceed quota for GroupsPerUser: 10", iam.add_user_to_group, GroupName="ops", UserName="g1")
    for i in range(9):
        iam.remove_user_from_group(GroupName=f"many{i}", UserName="g1")
        iam.delete_group(GroupName=f"many{i}")
    for group in ("Makers", "ops"):
        for u in iam.get_group(GroupName=group)["Users"]:
            iam.remove_user_from_group(GroupName=group, UserName=u["UserName"])
        empty(iam.delete_group(GroupName=group))
    for name in ("g1", "g2", "g3b"):
        iam.delete_user(UserName=name)
    same(iam.list_groups()["Groups"], [])


# Inline policies

def test_inline():
    iam.create_user(UserName="inline")
    iam.create_group(GroupName="inline")
    for kind, limit in (("user", 2048), ("group", 5120)):
        owner = {kind.capitalize() + "Name": "inline"}
        verb = lambda v, plural=False: getattr(iam, f"{v}_{kind}_polic{'ies' if plural else 'y'}")
        same(verb("list", True)(**owner)["PolicyNames"], [])
        for name in ("one", "three", "two"):
            empty(verb("put")(PolicyName=name, PolicyDocument=policy(), **owner))
        same(pages(f"list_{kind}_policies", "PolicyNames", **owner), ["one", "three", "two"])
        empty(verb("put")(PolicyName="one", PolicyDocument=ODD, **owner))
        got = verb("get")(PolicyName="one", **owner)
        members(got, list(owner) + ["PolicyName", "PolicyDocument", "ResponseMetadata"], f"get_{kind}_policy")
        raw_document(kind, owner)
        refused("NoSuchEntity", 404, f"The {kind} policy with name none cannot be found.", verb("get"), PolicyName="none", **owner)
        refused("NoSuchEntity", 404, f"The {kind} policy with name none cannot be found.", verb("delete"), PolicyName="none", **owner)
        nobody = {list(owner)[0]: "nobody"}
        refused("NoSuchEntity", 404, f"The {kind} with name nobody cannot be found.", verb("put"), PolicyName="x", PolicyDocument=policy(), **nobody)
        # White space doesn't count, all policies of the owner together do.
        big = policy(resource=["arn:aws:s3:::" + "b" * (limit - 600)]) + " " * 3000
        refused("LimitExceeded", 409, f"Maximum policy size of {limit} bytes exceeded for {kind} inline", verb("put"), PolicyName="big", PolicyDocument=policy(resource=["arn:aws:s3:::" + "b" * limit]), **owner)
        empty(verb("put")(PolicyName="big", PolicyDocument=big, **owner))
        refused("LimitExceeded", 409, f"Maximum policy size of {limit} bytes exceeded for {kind} inline", verb("put"), PolicyName="big2", PolicyDocument=big, **owner)
        # An inline policy may lack a version, or have the old one.
        empty(verb("put")(PolicyName="one", PolicyDocument='{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}', **owner))
        for name in ("one", "three", "two", "big"):
            empty(verb("delete")(PolicyName=name, **owner))
        same(verb("list", True)(**owner)["PolicyNames"], [])
    iam.delete_user(UserName="inline")
    iam.delete_group(GroupName="inline")


def raw_document(kind, owner):
    """The document comes back byte by byte. boto3 decodes it, so take the raw answer."""
    from urllib.parse import unquote
    from xml.etree import ElementTree

    raw = []
    keep = lambda http_response, **_: raw.append(http_response.content)
    iam.meta.events.register("after-call.iam", keep)
    try:
        getattr(iam, f"get_{kind}_policy")(PolicyName="one", **owner)
    finally:
        iam.meta.events.unregister("after-call.iam", keep)
    tree = ElementTree.fromstring(raw[-1])
    sent = next(e.text for e in tree.iter() if e.tag.endswith("PolicyDocument"))
    same(unquote(sent), ODD, "the document's text")
    same("+" in sent or " " in sent, False, "a plus or a blank in the encoded document")


# Managed policies

def test_managed():
    arn = f"arn:aws:iam::{ACCOUNT}:policy/team/Read"
    p = iam.create_policy(PolicyName="Read", Path="/team/", Description="says", PolicyDocument=policy(), Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}])["Policy"]
    members(p, ["PolicyName", "PolicyId", "Arn", "Path", "DefaultVersionId", "AttachmentCount", "PermissionsBoundaryUsageCount", "IsAttachable", "CreateDate", "UpdateDate", "Tags"], "CreatePolicy's Policy")
    same((p["Arn"], p["PolicyId"][:4], p["DefaultVersionId"], p["AttachmentCount"], p["IsAttachable"]), (arn, "ANPA", "v1", 0, True))
    got = iam.get_policy(PolicyArn=arn)["Policy"]
    same((got["Description"], got["Tags"]), ("says", [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "1"}]))
    iam.get_waiter("policy_exists").wait(PolicyArn=arn, WaiterConfig={"Delay": 1, "MaxAttempts": 2})
    refused("EntityAlreadyExists", 409, "A policy called read already exists. Duplicate names are not allowed.", iam.create_policy, PolicyName="read", PolicyDocument=policy())
    refused("NoSuchEntity", 404, f"Policy {arn.replace('Read', 'READ')} was not found.", iam.get_policy, PolicyArn=arn.replace("Read", "READ"))
    gone = f"arn:aws:iam::{ACCOUNT}:policy/None"
    refused("NoSuchEntity", 404, f"Policy {gone} was not found.", iam.get_policy, PolicyArn=gone)
    refused("NoSuchEntity", 404, f"Policy {gone} was not found.", iam.delete_policy, PolicyArn=gone)
    refused("NoSuchEntity", 404, f"Policy {gone} does not exist or is not attachable.", iam.list_entities_for_policy, PolicyArn=gone)

    v2 = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy("s3:*"))["PolicyVersion"]
    members(v2, ["VersionId", "IsDefaultVersion", "CreateDate"], "PolicyVersion")
    same((v2["VersionId"], v2["IsDefaultVersion"]), ("v2", False))
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ODD, SetAsDefault=True)
    same(iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"], "v3")
    for _ in range(2):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy())
    refused("LimitExceeded", 409, "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.", iam.create_policy_version, PolicyArn=arn, PolicyDocument=policy())
    same([v["VersionId"] for v in pages("list_policy_versions", "Versions", PolicyArn=arn)], ["v5", "v4", "v3", "v2", "v1"])
    refused("DeleteConflict", 409, "Cannot delete the default version of a policy.", iam.delete_policy_version, PolicyArn=arn, VersionId="v3")
    refused("NoSuchEntity", 404, f"Policy {arn} version v9 does not exist or is not attachable.", iam.get_policy_version, PolicyArn=arn, VersionId="v9")
    refused("ValidationError", 400, validation(("versionId", r"Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?")), iam.get_policy_version, PolicyArn=arn, VersionId="wrong_version_id")
    refused("DeleteConflict", 409, None, iam.delete_policy, PolicyArn=arn)
    empty(iam.delete_policy_version(PolicyArn=arn, VersionId="v5"))
    same(iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy())["PolicyVersion"]["VersionId"], "v6", "numbers are never used again")
    empty(iam.set_default_policy_version(PolicyArn=arn, VersionId="v2"))
    same(iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]["Document"], json.loads(ODD))
    same(iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["IsDefaultVersion"], True)
    for v in ("v1", "v3", "v4", "v6"):
        empty(iam.delete_policy_version(PolicyArn=arn, VersionId=v))
    empty(iam.delete_policy(PolicyArn=arn))
    refused("NoSuchEntity", 404, f"Policy {arn} was not found.", iam.get_policy, PolicyArn=arn)


def test_malformed_documents():
    code = "MalformedPolicyDocument"
    create = lambda text: dict(PolicyName="never", PolicyDocument=text)
    statement = lambda **kw: json.dumps({"Version": "2012-10-17", "Statement": [kw]})
    for text, document in (
        ("Syntax errors in policy.", "{"),
        ("Syntax errors in policy.", statement(Effect="Maybe", Action="s3:*", Resource="*")),
        ("Syntax errors in policy.", statement(Effect="Allow", Action="s3:*", NotAction="s3:Get*", Resource="*")),
        ("Syntax errors in policy.", statement(Effect="Allow", Action="s3:*", Resource="*", Condition={"Never": {"a": "b"}})),
        ("Policy document must be version 2012-10-17 or greater.", json.dumps({"Statement": []}).replace("[]", '{"Effect":"Allow","Action":"s3:*","Resource":"*"}')),
        ("The policy failed legacy parsing", statement(Effect="allow", Action="s3:*", Resource="*")),
        ("Policy statement must contain actions.", statement(Effect="Allow")),
        ("Policy statement must contain resources.", statement(Effect="Allow", Action="invalid")),
        ("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.", statement(Effect="Allow", Action="invalid", Resource="*")),
        ("Actions/Condition can contain only one colon.", statement(Effect="Allow", Action="a:b:c", Resource="*")),
        ("Vendor a_b is not valid", statement(Effect="Allow", Action="a_b:c", Resource="*")),
        ('Resource x must be in ARN format or "*".', statement(Effect="Allow", Action="s3:*", Resource="x")),
        ('Partition "bsdfdsafsad" is not valid for resource "arn:bsdfdsafsad:*:*:*:*".', statement(Effect="Allow", Action="s3:*", Resource="a:bsdfdsafsad")),
        ("Policy document should not specify a principal.", statement(Effect="Allow", Action="s3:*", Resource="*", Principal="*")),
    ):
        refused(code, 400, text, iam.create_policy, **create(document))
    sid = {"Sid": "a", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    refused(code, 400, "Statement IDs (SID) in a single policy must be unique.", iam.create_policy, **create(json.dumps({"Version": "2012-10-17", "Statement": [sid, sid]})))
    refused("LimitExceeded", 409, "Cannot exceed quota for PolicySize: 6144", iam.create_policy, **create(policy(resource=["arn:aws:s3:::" + "b" * 6200])))
    iam.create_user(UserName="mal")
    refused(code, 400, "Syntax errors in policy.", iam.put_user_policy, UserName="mal", PolicyName="p", PolicyDocument="[]")
    iam.delete_user(UserName="mal")


def test_attachments():
    iam.create_user(UserName="att")
    iam.create_group(GroupName="att")
    own = iam.create_policy(PolicyName="Own", Path="/p/", PolicyDocument=policy())["Policy"]["Arn"]
    aws = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
    for kind in ("user", "group"):
        owner = {kind.capitalize() + "Name": "att"}
        attach, detach = getattr(iam, f"attach_{kind}_policy"), getattr(iam, f"detach_{kind}_policy")
        lists = f"list_attached_{kind}_policies"
        same(getattr(iam, lists)(**owner)["AttachedPolicies"], [])
        for arn in (own, aws, own):
            empty(attach(PolicyArn=arn, **owner))
        listed = pages(lists, "AttachedPolicies", **owner)
        same(sorted(i["PolicyName"] for i in listed), ["Own", "ViewOnlyAccess"])
        same([i["PolicyArn"] for i in getattr(iam, lists)(PathPrefix="/p/", **owner)["AttachedPolicies"]], [own])
        refused("NoSuchEntity", 404, f"Policy {own}x does not exist or is not attachable.", attach, PolicyArn=own + "x", **owner)
        refused("NoSuchEntity", 404, f"Policy {own}x was not found.", detach, PolicyArn=own + "x", **owner)
        refused("ValidationError", 400, "ARN notnotnotnotnotnotnotarn is not valid.", attach, PolicyArn="notnotnotnotnotnotnotarn", **owner)
        refused("PolicyNotAttachable", 400, "Cannot attach a Service Role Policy to a Customer Role.", attach,
                PolicyArn="arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy", **owner)
    entities = iam.list_entities_for_policy(PolicyArn=own)
    same((entities["PolicyRoles"], [u["UserName"] for u in entities["PolicyUsers"]], [g["GroupName"] for g in entities["PolicyGroups"]]), ([], ["att"], ["att"]))
    members(entities["PolicyUsers"][0], ["UserName", "UserId"], "PolicyUsers")
    found = [p for page in iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=own, PaginationConfig={"PageSize": 1}) for p in page["PolicyUsers"] + page["PolicyGroups"]]
    same(len(found), 2, "entities, one to a page")
    same(iam.list_entities_for_policy(PolicyArn=own, EntityFilter="Group")["PolicyUsers"], [])
    same(iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"], 2)
    same([p["Arn"] for p in iam.list_policies(Scope="Local", OnlyAttached=True)["Policies"]], [own])
    same([p["Arn"] for p in iam.list_policies(Scope="AWS", OnlyAttached=True)["Policies"]], [aws])
    refused("DeleteConflict", 409, "Cannot delete a policy attached to entities.", iam.delete_policy, PolicyArn=own)
    for kind in ("user", "group"):
        owner = {kind.capitalize() + "Name": "att"}
        for arn in (own, aws):
            empty(getattr(iam, f"detach_{kind}_policy")(PolicyArn=arn, **owner))
        refused("NoSuchEntity", 404, f"Policy {own} was not found.", getattr(iam, f"detach_{kind}_policy"), PolicyArn=own, **owner)
    for i in range(11):
        arn = iam.create_policy(PolicyName=f"ten{i}", PolicyDocument=policy())["Policy"]["Arn"]
        if i < 10:
            iam.attach_user_policy(UserName="att", PolicyArn=arn)
            iam.attach_group_policy(GroupName="att", PolicyArn=arn)
        else:
            refused("LimitExceeded", 409, "Cannot exceed quota for PoliciesPerUser: 10", iam.attach_user_policy, UserName="att", PolicyArn=arn)
            refused("LimitExceeded", 409, "Cannot exceed quota for PoliciesPerGroup: 10", iam.attach_group_policy, GroupName="att", PolicyArn=arn)
    pages("list_policies", "Policies", Scope="Local")
    for i in range(11):
        arn = f"arn:aws:iam::{ACCOUNT}:policy/ten{i}"
        if i < 10:
            iam.detach_user_policy(UserName="att", PolicyArn=arn)
            iam.detach_group_policy(GroupName="att", PolicyArn=arn)
        iam.delete_policy(PolicyArn=arn)
    iam.delete_policy(PolicyArn=own)
    iam.delete_user(UserName="att")
    iam.delete_group(GroupName="att")


def test_aws_policies():
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    p = iam.get_policy(PolicyArn=arn)["Policy"]
    same((p["PolicyName"], p["Tags"], p["IsAttachable"], p["Path"]), ("AdministratorAccess", [], True, "/"))
    v = iam.get_policy_version(PolicyArn=arn, VersionId=p["DefaultVersionId"])["PolicyVersion"]
    same(v["Document"]["Statement"][0]["Action"], "*")
    same(len([p for page in iam.get_paginator("list_policies").paginate(Scope="AWS") for p in page["Policies"]]) >= 1485, True, "all AWS policies")
    refused("AccessDenied", 403, "Cannot delete policies outside your own account.", iam.delete_policy, PolicyArn=arn)
    refused("AccessDenied", 403, "Cannot delete policy versions for policies outside your own account.", iam.delete_policy_version, PolicyArn=arn, VersionId="v1")
    refused("AccessDenied", 403, "Cannot update policies outside your own account.", iam.set_default_policy_version, PolicyArn=arn, VersionId="v1")


# Tags, boundaries, alias, summary

def test_tags():
    iam.create_user(UserName="tagged", Tags=TAGS)
    arn = iam.create_policy(PolicyName="Tagged", PolicyDocument=policy(), Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])["Policy"]["Arn"]
    same(iam.list_user_tags(UserName="tagged")["Tags"], TAGS)
    empty(iam.tag_user(UserName="tagged", Tags=[{"Key": "environment", "Value": "test"}]))
    same(sorted((t["Key"], t["Value"]) for t in pages("list_user_tags", "Tags", UserName="tagged")), [("Team", ""), ("environment", "test")])
    same([(t["Key"], t["Value"]) for t in pages("list_policy_tags", "Tags", PolicyArn=arn)], [("A", "2"), ("a", "1")])
    empty(iam.untag_user(UserName="tagged", TagKeys=["nothing", "TEAM"]))
    same([t["Key"] for t in iam.list_user_tags(UserName="tagged")["Tags"]], ["environment"])
    empty(iam.untag_policy(PolicyArn=arn, TagKeys=["a"]))
    same([t["Key"] for t in iam.list_policy_tags(PolicyArn=arn)["Tags"]], ["A"])
    twice = [{"Key": "x", "Value": ""}, {"Key": "X", "Value": ""}]
    refused("InvalidInput", 400, "Duplicate tag keys found. Please note that Tag keys are case insensitive.", iam.tag_user, UserName="tagged", Tags=twice)
    refused("InvalidInput", 400, "Duplicate tag keys found.", iam.tag_policy, PolicyArn=arn, Tags=[twice[0], twice[0]])
    refused("ValidationError", 400, "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: "
            "[Member must have length less than or equal to 128, Member must have length greater than or equal to 1, "
            r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+, Member must not be null]",
            iam.untag_user, UserName="tagged", TagKeys=["?"])
    odd = [{"Key": "caf\u00e9 :/=+-@", "Value": "a=b \u6f22"}]
    iam.tag_user(UserName="tagged", Tags=odd)
    same([t for t in iam.list_user_tags(UserName="tagged")["Tags"] if t["Key"] != "environment"], odd)
    iam.untag_user(UserName="tagged", TagKeys=[odd[0]["Key"]])
    iam.tag_user(UserName="tagged", Tags=[{"Key": f"t{i}", "Value": "v"} for i in range(49)])
    refused("LimitExceeded", 409, "The number of tags has reached the maximum limit.", iam.tag_user, UserName="tagged", Tags=[{"Key": "more", "Value": ""}])
    for call, kw in ((iam.tag_user, {"Tags": TAGS}), (iam.untag_user, {"TagKeys": ["a"]}), (iam.list_user_tags, {})):
        refused("NoSuchEntity", 404, "The user with name nobody cannot be found.", call, UserName="nobody", **kw)
    iam.delete_user(UserName="tagged")
    iam.delete_policy(PolicyArn=arn)


def test_boundaries():
    arn = iam.create_policy(PolicyName="Bound", PolicyDocument=policy("iam:*"))["Policy"]["Arn"]
    u = iam.create_user(UserName="bounded", PermissionsBoundary=arn)["User"]
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    same(u["PermissionsBoundary"], boundary)
    same(iam.get_user(UserName="bounded")["User"]["PermissionsBoundary"], boundary)
    same("PermissionsBoundary" in iam.list_users(PathPrefix="/")["Users"][0], False, "a boundary in ListUsers")
    same(iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"], 1)
    refused("DeleteConflict", 409, None, iam.delete_policy, PolicyArn=arn)
    same([x["UserName"] for x in iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")["PolicyUsers"]], ["bounded"])
    gone = f"arn:aws:iam::{ACCOUNT}:policy/None"
    refused("NoSuchEntity", 404, f"Scope ARN: {gone} does not exist or is not attachable.", iam.put_user_permissions_boundary, UserName="bounded", PermissionsBoundary=gone)
    user = f"arn:aws:iam::{ACCOUNT}:user/bounded"
    refused("InvalidInput", 400, f"ARN {user} is not valid.", iam.put_user_permissions_boundary, UserName="bounded", PermissionsBoundary=user)
    empty(iam.put_user_permissions_boundary(UserName="bounded", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess"))
    empty(iam.delete_user_permissions_boundary(UserName="bounded"))
    same("PermissionsBoundary" in iam.get_user(UserName="bounded")["User"], False, "a boundary that was deleted")
    iam.delete_user(UserName="bounded")
    iam.delete_policy(PolicyArn=arn)


def test_alias():
    same(iam.list_account_aliases()["AccountAliases"], [])
    empty(iam.create_account_alias(AccountAlias="first-alias"))
    empty(iam.create_account_alias(AccountAlias="second-alias"))
    same(pages("list_account_aliases", "AccountAliases"), ["second-alias"])
    refused("NoSuchEntity", 404, None, iam.delete_account_alias, AccountAlias="first-alias")
    refused("ValidationError", 400, None, iam.create_account_alias, AccountAlias="Not-Lower")
    empty(iam.delete_account_alias(AccountAlias="second-alias"))
    same(iam.list_account_aliases()["AccountAliases"], [])


def test_summary():
    before = iam.get_account_summary()["SummaryMap"]
    same(len(before), 34, "number of keys in the summary")
    same((before["UsersQuota"], before["AccessKeysPerUserQuota"], before["AccountAccessKeysPresent"], before["AccountMFAEnabled"]), (5000, 2, 1, 0))
    iam.create_user(UserName="counted")
    iam.create_group(GroupName="counted")
    arn = iam.create_policy(PolicyName="Counted", PolicyDocument=policy())["Policy"]["Arn"]
    after = iam.get_account_summary()["SummaryMap"]
    same({k: after[k] - before[k] for k in ("Users", "Groups", "Policies", "PolicyVersionsInUse")}, {"Users": 1, "Groups": 1, "Policies": 1, "PolicyVersionsInUse": 1})
    iam.delete_user(UserName="counted")
    iam.delete_group(GroupName="counted")
    iam.delete_policy(PolicyArn=arn)


# STS, EC2, S3

def test_sts():
    who = sts.get_caller_identity()
    same((who["Arn"], who["UserId"]), (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT))
    iam.create_user(UserName="session")
    iam.put_user_policy(UserName="session", PolicyName="p", PolicyDocument=policy(["ec2:*", "iam:*", "sts:*"]))
    k = iam.create_access_key(UserName="session")["AccessKey"]
    user = dict(aws_access_key_id=k["AccessKeyId"], aws_secret_access_key=k["SecretAccessKey"])
    out = client("sts", **user).get_session_token(DurationSeconds=900)
    members(out, ["Credentials", "ResponseMetadata"], "GetSessionToken")
    c = out["Credentials"]
    life = (c["Expiration"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    same(870 < life <= 901, True, f"a life of {life} seconds")
    refused("ValidationError", 400, None, client("sts", **user).get_session_token, DurationSeconds=899)
    refused("ValidationError", 400, None, client("sts", **user).get_session_token, DurationSeconds=129601)
    temp = dict(aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
    s = client("sts", **temp)
    same(s.get_caller_identity()["Arn"], f"arn:aws:iam::{ACCOUNT}:user/session")
    refused("AccessDenied", 403, "Cannot call GetSessionToken with session credentials", s.get_session_token)
    refused("InvalidClientTokenId", 403, None, client("iam", **temp).get_user)
    same(client("ec2", **temp).describe_instances()["Reservations"], [])
    refused("AccessDenied", 403, None, client("s3", **temp).list_buckets)
    refused("InvalidAuthorizationMessageException", 400, None, sts.decode_authorization_message, EncodedMessage="rubbish")
    refused("ValidationError", 400, None, sts.get_access_key_info, AccessKeyId="</Message>&'\"<x y>")
    iam.delete_access_key(UserName="session", AccessKeyId=k["AccessKeyId"])
    iam.delete_user_policy(UserName="session", PolicyName="p")
    iam.delete_user(UserName="session")
    refused("InvalidClientTokenId", 403, None, s.get_caller_identity)


def test_others():
    ec2, s3 = client("ec2"), client("s3")
    same([p["Reservations"] for p in ec2.get_paginator("describe_instances").paginate()], [[]])
    refused("DryRunOperation", None, "Request would have succeeded, but DryRun flag is set.", ec2.describe_vpcs, DryRun=True)
    refused("UnsupportedOperation", 400, None, ec2.describe_vpcs)
    same(s3.list_buckets()["Buckets"], [])
    refused("NotImplemented", 501, None, s3.create_bucket, Bucket="made")
    refused("NotImplemented", 501, None, s3.put_object, Bucket="made", Key="a/b c", Body=b"x" * 100000)
    refused("UnknownOperationException", 400, None, client("dynamodb").list_tables)
    refused("InvalidAction", 400, None, client("sns").list_topics)
    refused("UnknownOperationException", 404, None, client("lambda").list_functions)


def main():
    global current
    for name, test in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        current, before = name, len(failures)
        try:
            test()
        except Exception as e:
            failures.append(name)
            print(f"FAIL {name}: {type(e).__name__}: {e}")
            traceback.print_exc(file=sys.stdout)
        if len(failures) == before:
            print("ok", name)
    sys.exit(1 if failures else 0)


main()
