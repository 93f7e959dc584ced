package console

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/policy"
)

// The service authorization reference, for the policy editor: public facts, the
// same for everybody, which would be two megabytes in the bundle. Each service
// is loaded when a policy first names it.

// referenceName begins the names under which packed pages are kept.
const referenceName = "reference/"

// globalPrefix is that of AWS's global condition keys, and of no service.
const globalPrefix = "aws"

// referencePage is what the reference says of one service. Lists hold places in
// other lists where they would repeat their names.
type referencePage struct {
	Name      string              `json:"name"`
	Actions   []referenceAction   `json:"actions"`
	Resources []referenceResource `json:"resources"`
	Keys      [][2]string         `json:"keys"` // name and type
}

type referenceAction struct {
	Name      string `json:"n"`
	Access    string `json:"a"`           // as in "Write"
	Resources []int  `json:"r,omitempty"` // places in Resources
	Required  []int  `json:"q,omitempty"` // of those, the ones that the action can't do without
	Keys      []int  `json:"k,omitempty"` // places in Keys
}

type referenceResource struct {
	Name string `json:"n"`
	ARN  string `json:"arn"`
	Keys []int  `json:"k,omitempty"`
}

// reference answers the names of all services, or what is known of one.
func (c *Console) reference(w http.ResponseWriter, r *http.Request) {
	prefix := r.PathValue("prefix")
	var page any
	if prefix == "" {
		page = awsapi.ServiceNames()
	} else if prefix == globalPrefix {
		page = globalPage()
	} else if a := awsapi.LookupAuthorization(prefix); a != nil && a.Prefix == prefix {
		page = newReferencePage(a)
	} else {
		http.NotFound(w, r)
		return
	}
	text, err := json.Marshal(page)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	c.app.send(w, r, referenceName+prefix, "application/json", text)
}

// globalPage holds the condition keys that any action may have.
func globalPage() referencePage {
	p := referencePage{Name: "All services", Actions: []referenceAction{}, Resources: []referenceResource{}}
	for name, kind := range policy.GlobalKeys() {
		if strings.HasSuffix(name, "/") {
			name += "${TagKey}"
		}
		p.Keys = append(p.Keys, [2]string{name, kind})
	}
	slices.SortFunc(p.Keys, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return p
}

func newReferencePage(a *awsapi.Authorization) referencePage {
	p := referencePage{Name: a.ServiceName, Actions: []referenceAction{}, Resources: []referenceResource{}, Keys: [][2]string{}}
	for _, k := range a.Keys {
		p.Keys = append(p.Keys, [2]string{k.Name, k.Type})
	}
	keys := func(names []string) (places []int) {
		for _, name := range names {
			if i := slices.IndexFunc(a.Keys, func(k awsapi.ConditionKey) bool { return strings.EqualFold(k.Name, name) }); i >= 0 {
				places = append(places, i)
			}
		}
		return places
	}
	for _, t := range a.ResourceTypes {
		p.Resources = append(p.Resources, referenceResource{t.Name, t.ARN, keys(t.Keys)})
	}
	for i := range a.Actions {
		x := &a.Actions[i]
		one := referenceAction{Name: x.Name, Access: x.Access, Keys: keys(x.Keys)}
		for _, res := range x.Resources {
			at := slices.IndexFunc(a.ResourceTypes, func(t awsapi.ResourceType) bool { return t.Name == res.Type.Name })
			one.Resources = append(one.Resources, at)
			if res.Required {
				one.Required = append(one.Required, at)
			}
		}
		p.Actions = append(p.Actions, one)
	}
	return p
}
