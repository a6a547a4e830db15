package yamlfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/yamlfile"
)

type settings struct {
	Name  string        `yaml:"name"`
	Wait  time.Duration `yaml:"wait"`
	Many  int           `yaml:"many"`
	On    bool          `yaml:"on"`
	Items []struct {
		Text string `yaml:"text"`
	} `yaml:"items"`
}

func read(t *testing.T, content string) (settings, yamlfile.File, []error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "some.yaml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	var s settings
	f, errs := yamlfile.Read(path, &s, yamlfile.Options{Secrets: map[string]string{"token": "THE_TOKEN", "key": "A_KEY or B_KEY"}, Example: "name: Acme"})
	return s, f, errs
}

func TestMistakesAreToldByLine(t *testing.T) {
	for content, want := range map[string][]string{
		"":                                    nil,
		"# nothing\n":                         nil,
		"name: x\nwait: 5m\n":                 nil,
		"nam: x\n":                            {"some.yaml:1: nam: there is no such setting"},
		"name: x\n\nmore: 1\nother: 2\n":      {"some.yaml:3: more: there is no such", "some.yaml:4: other: there is no such"},
		"Token: geheim1234\n":                 {"some.yaml:1: Token: a secret belongs in the environment, as THE_TOKEN, or in a file that THE_TOKEN_FILE names"},
		"key: geheim1234\n":                   {"some.yaml:1: key: a secret belongs in the environment, as A_KEY or B_KEY, or in a file that A_KEY_FILE or B_KEY_FILE names"},
		"many: 1\nname: mem:\n":               {`some.yaml:2: a value with a colon at its end, or before a blank, needs quotes, as in "mem:"`},
		"wait: soon\n":                        {`some.yaml:1: wait: "soon" is not of the right kind: want a duration such as 5m or 90s`},
		"many: x\n":                           {`some.yaml:1: many: "x" is not of the right kind: want a whole number`},
		"on: maybe\n":                         {`some.yaml:1: on: "maybe" is not of the right kind: want true or false`},
		"items: x\n":                          {`some.yaml:1: items: "x" is not of the right kind: want a list`},
		"items: {Shop: [API]}\n":              {"some.yaml:1: items: want a list"},
		"items: [{text: a}, {text: [b]}]\n":   {"some.yaml:1: want a text"}, // two lists in a line
		"items:\n- text:\n    [a]\n":          {"some.yaml:3: text: want a text"},
		"name: x\nname: y\n":                  {"some.yaml:2: name: is already set in line 1"},
		"- x\n":                               {"some.yaml:1: want settings, such as name: Acme"},
		"name: [\n":                           {"some.yaml:1: "},
		"name: x\n---\nname: y\n":             {"holds a second document"},
		"name: " + strings.Repeat("x", 2<<20): {"is longer than"},
	} {
		_, _, errs := read(t, content)
		require.Len(t, errs, len(want), "%.40q: %v", content, errs)
		for n, w := range want {
			assert.ErrorContains(t, errs[n], w)
			assert.NotContains(t, errs[n].Error(), "geheim")
		}
	}
	_, errs := yamlfile.Read(filepath.Join(t.TempDir(), "none.yaml"), new(settings), yamlfile.Options{})
	require.Len(t, errs, 1)
	assert.ErrorContains(t, errs[0], "--config: open")
}

func TestWhere(t *testing.T) {
	s, f, errs := read(t, "name: x\nitems:\n  - text: a\n  - text: b\n")
	require.Empty(t, errs)
	assert.Equal(t, "b", s.Items[1].Text)
	n := f.At("items", "1", "text")
	require.NotNil(t, n)
	assert.Equal(t, "some.yaml:4: items[1].text", f.Where(n, "items[1].text"))
	assert.Nil(t, f.At("items", "7", "text"))
	assert.Nil(t, f.At("items", "x"))
	assert.Nil(t, f.At("name", "x"))
	assert.Nil(t, yamlfile.File{}.At("name"))
}

func TestKey(t *testing.T) {
	for field, want := range map[string]string{"BasePath": "base_path", "APIURL": "api_url", "URL": "url", "PageID": "page_id", "StreamURL": "stream_url", "Realm": "realm"} {
		assert.Equal(t, want, yamlfile.Key(field))
	}
}

func TestFlat(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	assert.Empty(t, yamlfile.Flat(nil))
	assert.Equal(t, []error{a}, yamlfile.Flat(a))
	assert.Equal(t, []error{a, b}, yamlfile.Flat(errors.Join(a, b)))
}
