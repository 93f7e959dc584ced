package console

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// TestReference: the editor's facts are those of the service authorization
// reference, for whoever asks, and may be kept.
func TestReference(t *testing.T) {
	f := serve(t)
	c, err := New(Options{Directory: f.Directory, App: fstest.MapFS{"index.html": {}}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string, into any) int {
		r := httptest.NewRequest(http.MethodGet, own+"reference/"+path, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			return w.Code
		}
		if w.Header().Get("Cache-Control") != "public, max-age=3600" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: headers %v", path, w.Header())
		}
		z, err := gzip.NewReader(w.Body)
		if err == nil {
			err = json.NewDecoder(z).Decode(into)
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return w.Code
	}
	names := map[string]string{}
	get("", &names)
	if names["s3"] != "Amazon S3" || len(names) < 400 {
		t.Errorf("%d services; s3 is %q", len(names), names["s3"])
	}
	var page referencePage
	get("iam", &page)
	for _, a := range page.Actions {
		want := awsapi.LookupAction("iam", a.Name)
		if want == nil || a.Access != want.Access || len(a.Resources) != len(want.Resources) {
			t.Errorf("%+v, want %+v", a, want)
			continue
		}
		for i, r := range a.Resources {
			if page.Resources[r].ARN != want.Resources[i].Type.ARN {
				t.Errorf("%s: resource %+v, want %+v", a.Name, page.Resources[r], want.Resources[i].Type)
			}
		}
	}
	if len(page.Actions) != len(awsapi.LookupAuthorization("iam").Actions) {
		t.Errorf("%d actions of IAM", len(page.Actions))
	}
	var global referencePage
	get("aws", &global)
	if !slices.Contains(global.Keys, [2]string{"aws:ResourceTag/${TagKey}", "String"}) || !slices.Contains(global.Keys, [2]string{"aws:SourceIp", "IPAddress"}) {
		t.Errorf("global keys: %v", global.Keys)
	}
	for _, path := range []string{"nope", "IAM", "iam/x"} {
		if code := get(path, nil); code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, code)
		}
	}
}
