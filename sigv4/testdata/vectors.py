"""Writes vectors.json: requests as botocore 1.43 signs and sends them.

Run `python3 vectors.py` in this folder. Some requests are made by botocore's
clients, with the connection replaced; the others by its signers on plain
requests. The clock stands still, and what differs from run to run is left out.
"""

import datetime
import io
import json
from urllib.parse import urlsplit

import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 3, 1, 12, 30, 45, tzinfo=datetime.timezone.utc)
botocore.auth.get_current_datetime = lambda *a, **k: NOW

KEY = "AKIARZPUZDIKGB2VALC4"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE/+token=="
REGION = "us-east-1"

vectors = []


def text(value):
    return value if isinstance(value, str) else value.decode("latin-1")


# Unsigned, and different on each machine or run.
LEFT_OUT = ("content-length", "transfer-encoding", "user-agent", "amz-sdk-invocation-id")


def add(name, service, prepared, token, headers=None):
    body = prepared.body
    if body is None:
        body = b""
    elif hasattr(body, "read"):
        body = body.read()
    elif isinstance(body, str):
        body = body.encode()
    parts = urlsplit(prepared.url)
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    lines = [f"{prepared.method} {target} HTTP/1.1"]
    headers = [(text(k), text(v)) for k, v in (headers or prepared.headers).items()]
    if not any(k.lower() == "host" for k, _ in headers):
        lines.append(f"Host: {parts.netloc}")
    for k, v in headers:
        if k.lower() not in LEFT_OUT:
            lines.append(f"{k}: {v}")
    lines.append(f"Content-Length: {len(body)}")
    raw = "\r\n".join(lines) + "\r\n\r\n"
    vectors.append({
        "name": name, "service": service, "token": token or "",
        "head": raw, "body": body.decode("latin-1"),
    })


def client_vectors():
    session = botocore.session.Session()

    def call(name, service, operation, token=None, config=None, **params):
        client = session.create_client(
            service, region_name=REGION, aws_access_key_id=KEY,
            aws_secret_access_key=SECRET, aws_session_token=token,
            config=(config or Config()).merge(Config(retries={"max_attempts": 1})))
        seen = []

        def catch(request, **_):
            seen.append(request)
            return AWSResponse(request.url, 500, {}, io.BytesIO(b""))

        client.meta.events.register("before-send", catch)
        try:
            getattr(client, operation)(**params)
        except Exception:  # the answer is no answer
            if not seen:
                raise
        add(name, service, seen[0], token)

    unicode = "größe/日本 +&=;%"
    call("iam get user", "iam", "get_user")
    call("iam create user", "iam", "create_user", UserName="bob", Path="/a b/", Tags=[{"Key": "k", "Value": unicode}])
    call("iam with a token", "iam", "list_users", token=TOKEN)
    call("sts identity", "sts", "get_caller_identity", token=TOKEN)
    call("sts assume role", "sts", "assume_role", RoleArn="arn:aws:iam::123456789012:role/r", RoleSessionName="session")
    call("ec2", "ec2", "describe_instances", Filters=[{"Name": "tag:a", "Values": [unicode]}])
    call("dynamodb", "dynamodb", "put_item", TableName="t", Item={"a": {"S": unicode}})
    call("cloudtrail", "cloudtrail", "lookup_events", MaxResults=3)
    call("lambda get", "lambda", "get_function", FunctionName="arn:aws:lambda:us-east-1:123456789012:function:f")
    call("lambda invoke", "lambda", "invoke", FunctionName="f", Payload=b'{"a": 1}', Qualifier="q r")
    call("sns", "sns", "publish", TopicArn="arn:aws:sns:us-east-1:123456789012:t", Message="a+b c")
    path = Config(s3={"addressing_style": "path"})
    for key in ["plain", "a b/c+d", "//x/../y/./z", unicode, "~*()!'", "%2F"]:
        call(f"s3 get {key}", "s3", "get_object", config=path, Bucket="bucket", Key=key)
    call("s3 list", "s3", "list_objects_v2", Bucket="bucket", Prefix="a b/+" + unicode, Delimiter="/", token=TOKEN)
    call("s3 put https", "s3", "put_object", Bucket="bucket", Key="k", Body=b"hello world" * 100)
    call("s3 put stream", "s3", "put_object", Bucket="bucket", Key="k", Body=io.BytesIO(b"x" * 9000), Metadata={"a": "b  c"})
    call("s3 put sha256 trailer", "s3", "put_object", Bucket="bucket", Key="k", Body=io.BytesIO(b"q"), ChecksumAlgorithm="SHA256")
    call("s3 delete many", "s3", "delete_objects", Bucket="bucket", Delete={"Objects": [{"Key": unicode}]})
    call("s3 tagging", "s3", "get_object_tagging", Bucket="bucket", Key="k", VersionId="v")

    for name, service, operation, params in [
        ("presigned identity", "sts", "get_caller_identity", {}),
        ("presigned s3 get", "s3", "get_object", {"Bucket": "b", "Key": unicode}),
        ("presigned s3 put", "s3", "put_object", {"Bucket": "b", "Key": "k", "ContentType": "text/plain"}),
    ]:
        for token in (None, TOKEN):
            client = session.create_client(
                service, region_name=REGION, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                aws_session_token=token, config=Config(signature_version="s3v4" if service == "s3" else "v4"))
            method = "PUT" if operation.startswith("put") else "GET"
            url = client.generate_presigned_url(operation, Params=params, ExpiresIn=600, HttpMethod=method)
            request = AWSRequest(method, url)
            if method == "PUT":
                request.headers["Content-Type"] = "text/plain"
            add(f"{name}{' token' if token else ''}", service, request.prepare(), token)


def signer_vectors():
    credentials = Credentials(KEY, SECRET)
    host = "https://service.us-east-1.amazonaws.com"
    plain = [
        ("vanilla", "GET", "/", {}, b""),
        ("query order", "GET", "/?b=2&a=1&a=0&B=&c", {}, b""),
        ("query prefix names", "GET", "/?a-=1&a=2&a%2F=3", {}, b""),
        ("query encoded", "GET", "/?x=%E1%88%B4&y=a%20b%2Bc%7C", {}, b""),
        ("path slashes", "GET", "//a///b//", {}, b""),
        ("path dots", "GET", "/a/./b/../c", {}, b""),
        ("path above root", "GET", "/../../a/..", {}, b""),
        ("path dot end", "GET", "/a/.", {}, b""),
        ("path encoded", "GET", "/a%20b/%E1%88%B4/~._-*", {}, b""),
        ("path colons", "GET", "/2015-03-31/functions/arn%3Aaws%3Alambda/x:y@z", {}, b""),
        ("spaces in header", "POST", "/", {"My-Header": "  a   b  c ", "X-Amz-Meta": "\t d"}, b"body"),
        ("upper-case header", "POST", "/", {"MY-HEADER": "A", "x-amz-Target": "T.B"}, b"{}"),
        ("date header", "GET", "/", {"Date": "x"}, b""),
        ("empty header", "GET", "/", {"Empty": ""}, b""),
    ]
    for name, method, target, headers, body in plain:
        request = AWSRequest(method, host + target, headers=headers, data=body)
        botocore.auth.SigV4Auth(credentials, "service", REGION).add_auth(request)
        add(name, "service", request.prepare(), None)
    request = AWSRequest("GET", host + "/p")
    request.headers.add_header("My-Header", "b")
    request.headers.add_header("My-Header", "a , c")
    botocore.auth.SigV4Auth(credentials, "service", REGION).add_auth(request)
    add("repeated header", "service", request.prepare(), None, request.headers)
    request = AWSRequest("GET", host + "/", params={"a b": "c d+e", "": "x", "é": "ü"})
    botocore.auth.SigV4Auth(credentials, "service", REGION).add_auth(request)
    add("parameters", "service", request.prepare(), None)


client_vectors()
signer_vectors()
with open("vectors.json", "w", encoding="utf-8") as out:
    json.dump({"now": NOW.strftime("%Y%m%dT%H%M%SZ"), "key": KEY, "secret": SECRET, "vectors": vectors}, out, indent=1)
    out.write("\n")
