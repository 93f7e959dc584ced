package iam

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// summaryLimit is how many characters a summary has at most (summaryContentType).
const summaryLimit = 10000

// GetHumanReadableSummary says in English what a delegation request asks for.
func (s *Service) GetHumanReadableSummary(_ context.Context, c *service.Caller, in *api.GetHumanReadableSummaryRequest) (*api.GetHumanReadableSummaryResponse, error) {
	id, ours := strings.CutPrefix(in.EntityArn, delegationARN(c.Account(), ""))
	if !ours {
		return nil, api.InvalidInput.New("Invalid Entity Arn: %s", in.EntityArn)
	}
	g, err := c.Snapshot.Delegation(c.Account(), id)
	if err != nil {
		return nil, awsError(err)
	}
	if locale := cmp.Or(in.Locale, "en"); !strings.HasPrefix(strings.ToLower(locale), "en") {
		return &api.GetHumanReadableSummaryResponse{Locale: locale, SummaryState: "NOT_SUPPORTED"}, nil
	}
	return &api.GetHumanReadableSummaryResponse{SummaryContent: summary(g), Locale: "en", SummaryState: "AVAILABLE"}, nil
}

// summary says what a request asks for, a line for each statement of its policy.
func summary(g *directory.Delegation) string {
	who := "Account " + g.Requestor
	if g.RequestorName != "" {
		who += " (" + g.RequestorName + ")"
	}
	text := fmt.Sprintf("%s asks to act in your account for %d minutes: %s\n", who, (g.Seconds+59)/60, g.Description)
	text += "It can do no more than whoever accepts the request may do, and of that:\n"
	var document struct{ Statement oneOrMore[summaryStatement] }
	if err := json.Unmarshal([]byte(g.Policy), &document); err != nil {
		return firstRunes(text+"(the policy can't be put into words)\n", summaryLimit)
	}
	for _, st := range document.Statement {
		text += st.line()
	}
	return firstRunes(text, summaryLimit)
}

type summaryStatement struct {
	Effect                string
	Action, NotAction     oneOrMore[string]
	Resource, NotResource oneOrMore[string]
	Condition             map[string]json.RawMessage
}

func (st *summaryStatement) line() string {
	line := "- it may use "
	if st.Effect == "Deny" {
		line = "- it may not use "
	}
	line += listedWords(st.Action, st.NotAction) + " on " + listedWords(st.Resource, st.NotResource)
	if len(st.Condition) > 0 {
		line += ", under conditions"
	}
	return line + "\n"
}

// listedWords puts a list, or all but a list, into words.
func listedWords(these, not []string) string {
	words := func(list []string) string {
		if len(list) == 1 && list[0] == "*" {
			return "everything"
		}
		return strings.Join(list, ", ")
	}
	if len(not) > 0 {
		return "everything but " + words(not)
	}
	return words(these)
}

// oneOrMore is a list that may be written as its one element.
type oneOrMore[T any] []T

func (l *oneOrMore[T]) UnmarshalJSON(text []byte) error {
	var one T
	if json.Unmarshal(text, &one) == nil {
		*l = oneOrMore[T]{one}
		return nil
	}
	return json.Unmarshal(text, (*[]T)(l))
}
