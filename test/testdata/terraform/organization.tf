# An organization with its units, policies, a member account and IAM's features of
# its root users, in two states.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {}

variable "step" {
  type = number
}

locals {
  first = var.step == 1
}

resource "aws_organizations_organization" "org" {
  feature_set                   = "ALL"
  aws_service_access_principals = local.first ? ["iam.amazonaws.com"] : ["iam.amazonaws.com", "ram.amazonaws.com"]
  enabled_policy_types          = local.first ? ["SERVICE_CONTROL_POLICY"] : ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
}

resource "aws_iam_organizations_features" "root" {
  enabled_features = local.first ? ["RootCredentialsManagement"] : ["RootCredentialsManagement", "RootSessions"]
  depends_on       = [aws_organizations_organization.org]
}

resource "aws_organizations_organizational_unit" "dev" {
  name      = local.first ? "dev" : "development"
  parent_id = aws_organizations_organization.org.roots[0].id
  tags      = local.first ? { stage = "one" } : { stage = "two" }
}

resource "aws_organizations_organizational_unit" "inner" {
  name      = "inner"
  parent_id = aws_organizations_organizational_unit.dev.id
}

resource "aws_organizations_account" "member" {
  name              = "member"
  email             = "member@example.com"
  parent_id         = local.first ? aws_organizations_organizational_unit.dev.id : aws_organizations_organizational_unit.inner.id
  role_name         = "Inside"
  close_on_deletion = false
  tags              = local.first ? { stage = "one" } : { stage = "two", more = "yes" }
  lifecycle {
    ignore_changes = [role_name] # it can't be read back
  }
}

data "aws_iam_policy_document" "guard" {
  statement {
    effect    = "Deny"
    actions   = local.first ? ["iam:CreateUser"] : ["iam:CreateUser", "iam:CreateAccessKey"]
    resources = ["*"]
  }
}

resource "aws_organizations_policy" "guard" {
  name        = "guard"
  description = local.first ? "Keeps users out." : ""
  content     = data.aws_iam_policy_document.guard.json
  tags        = { stage = "one" }
  depends_on  = [aws_organizations_organization.org]
}

resource "aws_organizations_policy_attachment" "unit" {
  policy_id = aws_organizations_policy.guard.id
  target_id = aws_organizations_organizational_unit.dev.id
}

resource "aws_organizations_policy_attachment" "account" {
  count     = local.first ? 0 : 1
  policy_id = aws_organizations_policy.guard.id
  target_id = aws_organizations_account.member.id
}

# What data sources see of all that.

data "aws_organizations_organization" "org" {
  depends_on = [aws_organizations_account.member]
}

data "aws_organizations_organizational_units" "top" {
  parent_id  = aws_organizations_organization.org.roots[0].id
  depends_on = [aws_organizations_organizational_unit.dev]
}

data "aws_organizations_organizational_unit_descendant_accounts" "dev" {
  parent_id  = aws_organizations_organizational_unit.dev.id
  depends_on = [aws_organizations_account.member]
}

data "aws_organizations_policies_for_target" "unit" {
  target_id  = aws_organizations_organizational_unit.dev.id
  filter     = "SERVICE_CONTROL_POLICY"
  depends_on = [aws_organizations_policy_attachment.unit]
}

data "aws_organizations_policy" "guard" {
  policy_id = aws_organizations_policy.guard.id
}

output "seen" {
  value = {
    accounts = join(",", sort(data.aws_organizations_organization.org.accounts[*].name))
    units    = join(",", data.aws_organizations_organizational_units.top.children[*].name)
    inside   = join(",", data.aws_organizations_organizational_unit_descendant_accounts.dev.accounts[*].email)
    policies = tostring(length(data.aws_organizations_policies_for_target.unit.ids))
    guard    = data.aws_organizations_policy.guard.description
  }
}
