# Everything of IAM that the AWS provider manages, in two states: each resource
# that can be changed has another value in the second step.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  default_tags {
    tags = { owner = "terraform" }
  }
}

variable "step" {
  type = number
}

variable "certificate" {
  type = string
}

variable "key" {
  type      = string
  sensitive = true
}

variable "ssh_key" {
  type = string
}

variable "saml_metadata" {
  type = string
}

locals {
  first = var.step == 1
  tags  = local.first ? { stage = "one", gone = "soon" } : { stage = "two", new = "yes" }
}

data "aws_caller_identity" "me" {}
data "aws_partition" "here" {}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "Read"
    actions   = local.first ? ["s3:GetObject"] : ["s3:GetObject", "s3:ListBucket"]
    resources = ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]
    condition {
      test     = "StringLike"
      variable = "aws:PrincipalTag/team"
      values   = ["a*", "b*"]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.one.arn]
    }
    principals {
      type        = "Service"
      identifiers = local.first ? ["ec2.amazonaws.com"] : ["ec2.amazonaws.com", "lambda.amazonaws.com"]
    }
  }
}

# Users.

resource "aws_iam_user" "one" {
  name                 = local.first ? "one" : "one-renamed"
  path                 = local.first ? "/a/" : "/b/"
  permissions_boundary = local.first ? aws_iam_policy.read.arn : "arn:aws:iam::aws:policy/ReadOnlyAccess"
  force_destroy        = true
  tags                 = { renamed = "later" } # the provider can't change tags and name at once
}

resource "aws_iam_user" "two" {
  name          = "two"
  force_destroy = true
  tags          = local.tags
}

resource "aws_iam_access_key" "one" {
  user   = aws_iam_user.two.name
  status = local.first ? "Active" : "Inactive"
}

resource "aws_iam_user_login_profile" "two" {
  user                    = aws_iam_user.two.name
  password_length         = local.first ? 20 : 24
  password_reset_required = local.first
}

resource "aws_iam_user_ssh_key" "two" {
  username   = aws_iam_user.two.name
  encoding   = "SSH"
  public_key = var.ssh_key
  status     = local.first ? "Active" : "Inactive"
}

resource "aws_iam_signing_certificate" "two" {
  user_name        = aws_iam_user.two.name
  certificate_body = var.certificate
  status           = local.first ? "Active" : "Inactive"
}

resource "aws_iam_service_specific_credential" "two" {
  user_name    = aws_iam_user.two.name
  service_name = "codecommit.amazonaws.com"
  status       = local.first ? "Active" : "Inactive"
}

resource "aws_iam_user_policy" "two" {
  name   = "inline"
  user   = aws_iam_user.two.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_user_policy" "generated" {
  name_prefix = "inline-"
  user        = aws_iam_user.two.name
  policy      = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:*", Resource = "*" }] })
}

resource "aws_iam_user_policies_exclusive" "two" {
  user_name    = aws_iam_user.two.name
  policy_names = [aws_iam_user_policy.two.name, aws_iam_user_policy.generated.name]
}

resource "aws_iam_user_policy_attachment" "two" {
  user       = aws_iam_user.two.name
  policy_arn = local.first ? aws_iam_policy.read.arn : aws_iam_policy.other.arn
}

resource "aws_iam_user_policy_attachments_exclusive" "two" {
  user_name   = aws_iam_user.two.name
  policy_arns = [aws_iam_user_policy_attachment.two.policy_arn]
}

resource "aws_iam_virtual_mfa_device" "one" {
  virtual_mfa_device_name = "device"
  path                    = "/devices/"
  tags                    = local.tags
}

# Groups.

resource "aws_iam_group" "one" {
  name = local.first ? "group" : "group-renamed"
  path = local.first ? "/" : "/teams/"
}

resource "aws_iam_group" "two" {
  name = "group-two"
}

resource "aws_iam_group_policy" "one" {
  name   = "inline"
  group  = aws_iam_group.one.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_group_policies_exclusive" "one" {
  group_name   = aws_iam_group.one.name
  policy_names = [aws_iam_group_policy.one.name]
}

resource "aws_iam_group_policy_attachment" "one" {
  group      = aws_iam_group.one.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_group_policy_attachments_exclusive" "one" {
  group_name  = aws_iam_group.one.name
  policy_arns = [aws_iam_group_policy_attachment.one.policy_arn]
}

resource "aws_iam_group_membership" "one" {
  name  = "members"
  group = aws_iam_group.one.name
  users = local.first ? [aws_iam_user.one.name, aws_iam_user.two.name] : [aws_iam_user.one.name]
}

resource "aws_iam_user_group_membership" "two" {
  user   = aws_iam_user.two.name
  groups = local.first ? [aws_iam_group.two.name] : []
}

# Managed policies.

resource "aws_iam_policy" "read" {
  name        = "read"
  path        = "/policies/"
  description = "Reads."
  policy      = data.aws_iam_policy_document.read.json
  tags        = local.tags
}

resource "aws_iam_policy" "other" {
  name_prefix = "other-"
  policy      = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iam:Get*", Resource = "*" }] })
}

resource "aws_iam_policy" "everywhere" {
  name   = "everywhere"
  policy = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Deny", Action = ["iam:Delete*"], Resource = ["*"] } })
}

resource "aws_iam_policy_attachment" "everywhere" {
  name       = "everywhere"
  policy_arn = aws_iam_policy.everywhere.arn
  users      = [aws_iam_user.one.name]
  groups     = [aws_iam_group.two.name]
  roles      = local.first ? [aws_iam_role.one.name] : []
}

# Roles and instance profiles.

resource "aws_iam_role" "one" {
  name                  = "role"
  path                  = "/roles/"
  description           = local.first ? "First." : "Second: äöü."
  assume_role_policy    = data.aws_iam_policy_document.trust.json
  max_session_duration  = local.first ? 3600 : 7200
  permissions_boundary  = local.first ? "" : aws_iam_policy.other.arn
  force_detach_policies = true
  tags                  = local.tags
}

resource "aws_iam_role" "two" {
  name_prefix        = "role-"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = data.aws_caller_identity.me.account_id } }] })
}

resource "aws_iam_role_policy" "one" {
  name   = "inline"
  role   = aws_iam_role.one.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policies_exclusive" "one" {
  role_name    = aws_iam_role.one.name
  policy_names = [aws_iam_role_policy.one.name]
}

resource "aws_iam_role_policy_attachment" "two" {
  role       = aws_iam_role.two.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_role_policy_attachments_exclusive" "two" {
  role_name   = aws_iam_role.two.name
  policy_arns = [aws_iam_role_policy_attachment.two.policy_arn]
}

resource "aws_iam_instance_profile" "one" {
  name = "profile"
  path = "/profiles/"
  role = local.first ? aws_iam_role.one.name : aws_iam_role.two.name
  tags = local.tags
}

resource "aws_iam_service_linked_role" "suffixed" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = "mine"
  description      = local.first ? "First." : "Second."
  tags             = local.tags
}

# Providers, certificates, the account.

resource "aws_iam_openid_connect_provider" "one" {
  url             = "https://id.example.com/realm"
  client_id_list  = local.first ? ["app"] : ["other", "app2"]
  thumbprint_list = local.first ? ["cf23df2207d99a74fbe169e3eba035e633b65d94"] : ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"]
  tags            = local.tags
}

resource "aws_iam_saml_provider" "one" {
  name                   = "corp"
  saml_metadata_document = local.first ? var.saml_metadata : "${var.saml_metadata}<!-- changed -->"
  tags                   = local.tags
}

resource "aws_iam_server_certificate" "one" {
  name             = local.first ? "site" : "site-renamed"
  path             = "/certificates/"
  certificate_body = var.certificate
  private_key      = var.key
  tags             = { renamed = "later" }
}

resource "aws_iam_account_alias" "alias" {
  account_alias = local.first ? "first-alias" : "second-alias"
}

resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length        = local.first ? 8 : 12
  require_lowercase_characters   = true
  require_numbers                = local.first
  require_uppercase_characters   = true
  require_symbols                = true
  allow_users_to_change_password = local.first
  max_password_age               = local.first ? 90 : 0
  password_reuse_prevention      = local.first ? 5 : 0
}

resource "aws_iam_security_token_service_preferences" "tokens" {
  global_endpoint_token_version = local.first ? "v2Token" : "v1Token"
}

# Data sources.

data "aws_iam_user" "one" {
  user_name = aws_iam_user.one.name
}

data "aws_iam_users" "all" {
  name_regex = "two"
  depends_on = [aws_iam_user.two]
}

data "aws_iam_group" "one" {
  group_name = aws_iam_group_membership.one.group
}

data "aws_iam_role" "one" {
  name = aws_iam_role.one.name
}

data "aws_iam_roles" "all" {
  path_prefix = "/roles/"
  depends_on  = [aws_iam_role.one]
}

data "aws_iam_policy" "by_name" {
  name       = "read"
  depends_on = [aws_iam_policy.read]
}

data "aws_iam_policy" "managed" {
  arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

data "aws_iam_instance_profile" "one" {
  name = aws_iam_instance_profile.one.name
}

data "aws_iam_instance_profiles" "of_role" {
  role_name = aws_iam_instance_profile.one.role
}

data "aws_iam_access_keys" "two" {
  user = aws_iam_access_key.one.user
}

data "aws_iam_account_alias" "alias" {
  depends_on = [aws_iam_account_alias.alias]
}

data "aws_iam_openid_connect_provider" "one" {
  url = "https://${aws_iam_openid_connect_provider.one.url}"
}

data "aws_iam_saml_provider" "one" {
  arn = aws_iam_saml_provider.one.arn
}

data "aws_iam_server_certificate" "one" {
  name = aws_iam_server_certificate.one.name
}

data "aws_iam_user_ssh_key" "two" {
  username          = aws_iam_user_ssh_key.two.username
  ssh_public_key_id = aws_iam_user_ssh_key.two.ssh_public_key_id
  encoding          = "SSH"
}

data "aws_iam_session_context" "me" {
  arn = data.aws_caller_identity.me.arn
}

data "aws_iam_principal_policy_simulation" "two" {
  policy_source_arn = aws_iam_user.two.arn
  action_names      = ["sts:AssumeRole", "ec2:RunInstances"]
  depends_on        = [aws_iam_user_policy.generated]
}

output "seen" {
  value = {
    account   = data.aws_caller_identity.me.account_id
    users     = join(",", data.aws_iam_users.all.names)
    boundary  = data.aws_iam_user.one.permissions_boundary
    members   = join(",", sort(data.aws_iam_group.one.users[*].user_name))
    role      = tostring(data.aws_iam_role.one.max_session_duration)
    roles     = join(",", data.aws_iam_roles.all.names)
    policy    = data.aws_iam_policy.by_name.description
    managed   = data.aws_iam_policy.managed.name
    profile   = tostring(data.aws_iam_instance_profile.one.role_arn == aws_iam_role.one.arn)
    profiles  = join(",", data.aws_iam_instance_profiles.of_role.names)
    keys      = join(",", data.aws_iam_access_keys.two.access_keys[*].status)
    alias     = data.aws_iam_account_alias.alias.account_alias
    clients   = join(",", sort(data.aws_iam_openid_connect_provider.one.client_id_list))
    saml      = data.aws_iam_saml_provider.one.name
    server    = data.aws_iam_server_certificate.one.path
    ssh       = data.aws_iam_user_ssh_key.two.status
    issuer    = tostring(data.aws_iam_session_context.me.issuer_arn == data.aws_caller_identity.me.arn)
    simulated = tostring(data.aws_iam_principal_policy_simulation.two.all_allowed)
    linked    = aws_iam_service_linked_role.suffixed.name
  }
}
