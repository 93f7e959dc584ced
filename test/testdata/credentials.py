"""Plays credentials through boto3 against one server: a user's whole set by the
resources of boto3, and what can't be deleted before.

Its environment: SALLYPORT_ENDPOINT, the root user's pair as AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, and a CERTIFICATE with its PRIVATE_KEY.
"""

import os

import boto3
from botocore.exceptions import ClientError

kw = dict(endpoint_url=os.environ["SALLYPORT_ENDPOINT"], region_name="us-east-1")
iam = boto3.client("iam", **kw)
resource = boto3.resource("iam", **kw)
cert, key = os.environ["CERTIFICATE"], os.environ["PRIVATE_KEY"]


def refused(code, text, call, **kw):
    try:
        call(**kw)
    except ClientError as e:
        error = e.response["Error"]
        assert (error["Code"], error["Message"]) == (code, text), error
    else:
        raise AssertionError(f"{call} succeeded, want {code}")


user = resource.User("worker")
user.create()
profile = user.create_login_profile(Password="Secret-Word1", PasswordResetRequired=True)
assert user.LoginProfile().password_reset_required
profile.update(Password="Secret-Word2", PasswordResetRequired=False)
assert not user.LoginProfile().password_reset_required
refused("DeleteConflict", "Cannot delete entity, must delete login profile first.", user.delete)
profile.delete()

signing = iam.upload_signing_certificate(UserName="worker", CertificateBody=cert)["Certificate"]
assert [c.id for c in user.signing_certificates.all()] == [signing["CertificateId"]]
refused("DuplicateCertificate", "The certificate is already associated with a user of this account.", iam.upload_signing_certificate, CertificateBody=cert)
user.SigningCertificate(signing["CertificateId"]).deactivate()
assert [c.status for c in user.signing_certificates.all()] == ["Inactive"]
try:
    user.delete()
    raise AssertionError("a user with a certificate was deleted")
except ClientError as e:
    assert e.response["Error"]["Code"] == "DeleteConflict", e
user.SigningCertificate(signing["CertificateId"]).delete()

resource.ServerCertificate("site")
made = resource.create_server_certificate(ServerCertificateName="site", CertificateBody=cert, PrivateKey=key)
assert made.server_certificate_metadata["Path"] == "/"
assert made.certificate_body.strip() == cert.strip()
assert iam.get_server_certificate(ServerCertificateName="site")["ServerCertificate"]["Tags"] == []
made.delete()
refused("NoSuchEntity", "The Server Certificate with name site cannot be found.", iam.get_server_certificate, ServerCertificateName="site")

device = resource.create_virtual_mfa_device(VirtualMFADeviceName="phone")
assert device.serial_number.endswith(":mfa/phone")
assert [d.serial_number for d in resource.virtual_mfa_devices.filter(AssignmentStatus="Unassigned")] == [device.serial_number]
device.delete()

policy = resource.AccountPasswordPolicy()
policy.update(MinimumPasswordLength=8, RequireSymbols=True)
policy.reload()
assert (policy.minimum_password_length, policy.require_symbols, policy.expire_passwords) == (8, True, False)
assert policy.max_password_age is None and policy.hard_expiry is None
refused("PasswordPolicyViolation", "Password should meet 1 more of the following requirements: Password should have at least one symbol",
        iam.create_login_profile, UserName="worker", Password="abcdefgh")
policy.delete()
refused("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.", iam.delete_account_password_policy)
user.delete()
