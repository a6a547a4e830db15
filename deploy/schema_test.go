package deploy_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is that of one type of resource.
type schema struct {
	compiled *jsonschema.Schema
	// attributes are what Fn::GetAtt may ask for.
	attributes []string
}

// schemas are those of testdata, by type.
var schemas = sync.OnceValues(func() (map[string]*schema, error) {
	files, err := filepath.Glob("testdata/schemas/*.json")
	if err != nil {
		return nil, err
	}
	out := map[string]*schema{}
	for _, file := range files {
		name, s, err := readSchema(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out[name] = s
	}
	return out, nil
})

func readSchema(file string) (name string, _ *schema, _ error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return "", nil, err
	}
	top := doc.(map[string]any)
	s := &schema{}
	readOnly, _ := top["readOnlyProperties"].([]any)
	for _, pointer := range readOnly {
		attribute := strings.TrimPrefix(pointer.(string), "/properties/")
		s.attributes = append(s.attributes, strings.ReplaceAll(attribute, "/", "."))
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.UseRegexpEngine(compilePattern)
	if err := c.AddResource("file:///"+file, doc); err != nil {
		return "", nil, err
	}
	s.compiled, err = c.Compile("file:///" + file)
	return top["typeName"].(string), s, err
}

type pattern struct{ *regexp.Regexp }

// compilePattern takes a pattern that Go cannot read, for its look-around, as one
// that everything matches.
func compilePattern(s string) (jsonschema.Regexp, error) {
	re, err := regexp.Compile(s)
	if err != nil {
		re = regexp.MustCompile("")
	}
	return pattern{re}, nil
}
