package policy

import (
	"slices"
	"testing"
)

func TestWarnings(t *testing.T) {
	conditions := func(c string) string { return with(allowGet + `,"Condition":{` + c + `}`) }
	resource := func(r string) string { return with(`"Effect":"Allow","Action":"s3:*","Resource":"` + r + `"`) }
	for _, tt := range []struct {
		kind Kind
		text string
		want []string
	}{
		{Managed, with(allowGet), nil},
		{Managed, conditions(`"NullIfExists":{"aws:username":"true"}`), []string{WarnNullIfExists}},
		{Managed, resource("arn:aws:s3:::b/${aws:username"), []string{WarnMissingBrace}},
		{Managed, resource("arn:aws:s3:::b/${}"), []string{WarnVariableWithoutValue}},
		{Managed, resource("arn:aws:s3:::b/${aws username}"), []string{WarnBadVariable}},
		{Managed, resource("arn:aws:sqs:*:${aws:PrincipalAccount}:q"), []string{WarnVariableElement}},
		{Managed, resource("arn:aws:s3"), []string{WarnMissingARNField}},
		{Inline, `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}"}}`, []string{WarnVariableVersion}},
		{Managed, conditions(`"StringEquals":{"aws:username":"a","AWS:username":"a"}`), []string{WarnDuplicateKey}},
		{Managed, conditions(`"Bool":{"aws:SecureTransport":["true","false"]}`), []string{WarnSeveralBools}},
		{Managed, conditions(`"ForAnyValue:StringEquals":{"aws:username":"a"}`), []string{WarnSetOnSingle}},
		{Managed, conditions(`"StringEquals":{"aws:TagKeys":"a"}`), []string{WarnNoSetOnMulti}},
		{Managed, conditions(`"ForAllValues:StringEquals":{"aws:TagKeys":"a"}`), []string{WarnForAllValues}},
		{Managed, conditions(`"ForAllValues:StringEquals":{"aws:TagKeys":"a"},"Null":{"aws:TagKeys":"false"}`), nil},
		{Managed, conditions(`"ForAllValues:StringNotEquals":{"aws:TagKeys":"a"}`), []string{WarnForAllValues}},
		{Managed, conditions(`"DateLessThan":{"aws:CurrentTime":"2024-01-01"},"DateGreaterThan":{"aws:CurrentTime":"2024-01-01"}`), []string{WarnNeverHolds}},
		{Managed, conditions(`"DateLessThanEquals":{"aws:CurrentTime":"2024-01-01"},"DateGreaterThanEquals":{"aws:CurrentTime":"2024-01-01"}`), nil},
		{Managed, conditions(`"DateGreaterThan":{"aws:CurrentTime":"2024-01-01"},"DateLessThan":{"aws:CurrentTime":"2025-01-01"}`), nil},
		{Managed, conditions(`"NumericLessThan":{"s3:max-keys":"5"},"NumericGreaterThanEquals":{"s3:max-keys":"5"}`), []string{WarnNeverHolds}},
		{Managed, conditions(`"StringEquals":{"aws:username":"a"},"StringNotLike":{"aws:username":"*"}`), []string{WarnNeverHolds}},
		{Managed, conditions(`"DateLessThan":{"aws:CurrentTime":"1"},"Bool":{"aws:SecureTransport":"maybe"}`), []string{WarnInvalidValue}},
		{Managed, conditions(`"IpAddress":{"aws:SourceIp":"10.0.0.0/40"}`), []string{WarnInvalidValue}},
		{Managed, conditions(`"NumericEquals":{"s3:max-keys":"${aws:x}"}`), []string{WarnVariableElement, WarnInvalidValue}},
		{Managed, with(`"Effect":"Allow","NotAction":"s3:*","NotResource":"*"`), []string{WarnAllowNotAction, WarnAllowNotResource}},
		{Resource, with(`"NotPrincipal":{"AWS":"111111111111"},` + allowGet), []string{WarnAllowNotPrincipal}},
		{Managed, with(`"Effect":"Allow","Action":"iam:Pass*","Resource":"*"`), []string{WarnPassRoleStar}},
		{Managed, with(`"Effect":"Allow","Action":["s3:*","S3:GetObject","ec2:A","ec2:A"],"Resource":"*"`), []string{WarnRedundantAction, WarnRedundantAction}},
	} {
		var got []string
		for _, w := range parsed(t, tt.text, tt.kind).Warnings() {
			got = append(got, w.Code)
			if w.Line < 1 || w.Column < 1 || w.Message == "" {
				t.Errorf("%s: %+v lacks its place or its text", tt.text, w)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("Warnings(%s) = %v, want %v", tt.text, got, tt.want)
		}
	}
	p := Load(with(allowGet+`,"Principal":{"AWS":"arn:aws:iam::111111111111:user/*"}`), Resource)
	if w := p.Warnings(); len(w) != 1 || w[0].Code != WarnPrincipalWildcard {
		t.Errorf("Warnings of a principal with a wildcard = %v", w)
	}
}

func TestWarningsByCatalog(t *testing.T) {
	p := parsed(t, with(`"Effect":"Allow","Action":["S3:Getobject","s3:List*","s3:Fly","s3:Fly*","s4:GetObject"],"Resource":"*"`), Managed)
	catalog := func(service string) ([]string, bool) { return []string{"GetObject", "ListBucket"}, service == "s3" }
	var got []string
	for _, w := range p.WarningsWith(catalog) {
		if w.Code != WarnRedundantAction {
			got = append(got, w.Code)
		}
	}
	if want := []string{WarnUnknownAction, WarnUnknownAction, WarnUnknownService}; !slices.Equal(got, want) {
		t.Errorf("WarningsWith = %v, want %v", got, want)
	}
}
