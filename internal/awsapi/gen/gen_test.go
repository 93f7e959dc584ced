package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestGeneratedFilesMatchTheirSources runs the generator in memory.
func TestGeneratedFilesMatchTheirSources(t *testing.T) {
	files, err := generate(os.DirFS("../models"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s differs from what its sources give: run go generate ./internal/awsapi", name)
		}
	}
	for _, pattern := range []string{"../*/*_gen.go", "../data/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			name, _ := filepath.Rel("..", path)
			if _, ok := files[name]; !ok {
				t.Errorf("%s is no longer generated: delete it", name)
			}
		}
	}
}

func TestFormatDocumentKeepsOrderOfAWS(t *testing.T) {
	const in = `{"Statement":[{"Action":"s3:*","Condition":{"B":1,"A":2},"Effect":"Allow","Sid":"x"}],"Version":"2012-10-17"}`
	const want = `{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "x",
            "Effect": "Allow",
            "Action": "s3:*",
            "Condition": {
                "B": 1,
                "A": 2
            }
        }
    ]
}`
	if got := string(formatDocument([]byte(in))); got != want {
		t.Errorf("formatDocument(%s) = %s, want %s", in, got, want)
	}
}
