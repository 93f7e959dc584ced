package policy

import (
	"slices"
	"testing"
)

func TestWarnings(t *testing.T) {
	conditions := func(c string) string { return with(allowGet + `,"Condition":{` + c + `}`) }
	for _, tt := range []struct {
		text string
		want []string
	}{
		{with(allowGet), nil},
		{conditions(`"ForAnyValue:StringEquals":{"aws:username":"a"}`), []string{WarnSetOnSingle}},
		{conditions(`"ForAllValues:StringEquals":{"aws:TagKeys":"a"}`), []string{WarnForAllValues}},
		{conditions(`"ForAllValues:StringEquals":{"aws:TagKeys":"a"},"Null":{"aws:TagKeys":"false"}`), nil},
		{conditions(`"ForAllValues:StringNotEquals":{"aws:TagKeys":"a"}`), []string{WarnForAllValues}},
		{conditions(`"DateLessThan":{"aws:CurrentTime":"2024-01-01"},"DateGreaterThan":{"aws:CurrentTime":"2024-01-01"}`), []string{WarnNeverHolds}},
		{conditions(`"DateLessThanEquals":{"aws:CurrentTime":"2024-01-01"},"DateGreaterThanEquals":{"aws:CurrentTime":"2024-01-01"}`), nil},
		{conditions(`"DateGreaterThan":{"aws:CurrentTime":"2024-01-01"},"DateLessThan":{"aws:CurrentTime":"2025-01-01"}`), nil},
		{conditions(`"NumericLessThan":{"s3:max-keys":"5"},"NumericGreaterThanEquals":{"s3:max-keys":"5"}`), []string{WarnNeverHolds}},
		{conditions(`"StringEquals":{"aws:username":"a"},"StringNotLike":{"aws:username":"*"}`), []string{WarnNeverHolds}},
		{with(`"Effect":"Allow","NotAction":"s3:*","NotResource":"*"`), []string{WarnAllowNotAction, WarnAllowNotResource}},
	} {
		var got []string
		for _, w := range parsed(t, tt.text, Managed).Warnings() {
			got = append(got, w.Code)
			if w.Line < 1 || w.Column < 1 || w.Message == "" {
				t.Errorf("%s: %+v lacks its place or its text", tt.text, w)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("Warnings(%s) = %v, want %v", tt.text, got, tt.want)
		}
	}
}
