// Package yamlfile reads files of settings, and tells what is wrong with them by
// where it stands.
package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File is a file that was read. The zero File has nothing.
type File struct {
	name string
	root *yaml.Node // the mapping at the top, or nil
}

// Options are what a File may be told beside its content.
type Options struct {
	// Secrets are what people put in files, and must not, since files get
	// committed: keys, in lower case, and the variables that they belong in, with
	// " or " between two.
	Secrets map[string]string
	// Example is a setting such as "title: Acme", for files that hold none.
	Example string
	// Check is called with what was read before it is decoded. It may blank parts
	// of data that it tells of itself.
	Check func(f File, data []byte) []error
}

const maxFile = 1 << 20

// Read reads a file into a pointer to a struct. It returns all that is wrong with
// it, each with its line, and what could be read.
func Read(path string, into any, o Options) (File, []error) {
	f := File{name: filepath.Base(path)}
	data, err := readLimited(path)
	if err != nil {
		return f, []error{fmt.Errorf("--config: %w", err)}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return f, []error{errors.New(f.inLines(err.Error(), o.Secrets))}
	}
	if len(root.Content) == 0 {
		return f, nil // nothing but comments
	}
	if root.Content[0].Kind != yaml.MappingNode {
		return f, []error{fmt.Errorf("%s:%d: want settings, such as %s", f.name, root.Content[0].Line, o.Example)}
	}
	f.root = root.Content[0]
	var errs []error
	if o.Check != nil {
		errs = o.Check(f, data)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err = dec.Decode(into)
	var wrong *yaml.TypeError
	switch {
	case errors.As(err, &wrong):
		for _, e := range wrong.Errors {
			errs = append(errs, errors.New(f.inLines(e, o.Secrets)))
		}
	case err != nil && !errors.Is(err, io.EOF):
		errs = append(errs, errors.New(f.inLines(err.Error(), o.Secrets)))
	case errors.Is(dec.Decode(new(yaml.Node)), nil):
		errs = append(errs, fmt.Errorf("%s: holds a second document; the settings are one", f.name))
	}
	return f, errs
}

func readLimited(path string) ([]byte, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxFile)
	}
	return data, err
}

var (
	yamlLine     = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): (.*)$`)
	unknownField = regexp.MustCompile(`^field (\S+) not found in type .+$`)
	wrongType    = regexp.MustCompile("^cannot unmarshal !!(\\S+) (?:`(.*)` )?into (.+)$")
	duplicateKey = regexp.MustCompile(`^mapping key "(.*)" already defined at line (\d+)$`)
)

// inLines says in plain words what the YAML library says.
func (f File) inLines(said string, secrets map[string]string) string {
	m := yamlLine.FindStringSubmatch(said)
	if m == nil {
		return f.name + ": " + strings.TrimPrefix(said, "yaml: ")
	}
	where, said := f.name+":"+m[1]+": ", m[2]
	line, _ := strconv.Atoi(m[1])
	if m := unknownField.FindStringSubmatch(said); m != nil {
		if env := secrets[strings.ToLower(m[1])]; env != "" {
			files := strings.ReplaceAll(env, " or ", "_FILE or ") + "_FILE"
			return where + m[1] + ": a secret belongs in the environment, as " + env + ", or in a file that " + files + " names"
		}
		return where + m[1] + ": there is no such setting"
	}
	if m := wrongType.FindStringSubmatch(said); m != nil {
		if keys := keysOf(f.root, line, "!!"+m[1], m[2]); len(keys) == 1 {
			where += keys[0] + ": "
		}
		if m[2] == "" { // a list, or names with values
			return where + "want " + kind(m[3])
		}
		return where + fmt.Sprintf("%q is not of the right kind: want %s", m[2], kind(m[3]))
	}
	if m := duplicateKey.FindStringSubmatch(said); m != nil {
		return where + m[1] + ": is already set in line " + m[2]
	}
	if strings.HasPrefix(said, "mapping values are not allowed") {
		return where + `a value with a colon at its end, or before a blank, needs quotes, as in "mem:"`
	}
	return where + said
}

// keysOf returns the keys of the values that stand in a line and are of a tag, with
// a text unless that is "".
func keysOf(n *yaml.Node, line int, tag, text string) (keys []string) {
	for i, value := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && value.Line == line && value.ShortTag() == tag && (text == "" || value.Value == text) {
			keys = append(keys, n.Content[i-1].Value)
		}
		keys = append(keys, keysOf(value, line, tag, text)...)
	}
	return keys
}

// kind names a Go type in words.
func kind(goType string) string {
	switch {
	case goType == "bool":
		return "true or false"
	case goType == "time.Duration":
		return "a duration such as 5m or 90s"
	case goType == "time.Time":
		return "a time such as 2026-03-01T22:00:00Z"
	case strings.HasPrefix(goType, "int"):
		return "a whole number"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "map["), strings.Contains(goType, "."):
		return "names with values"
	}
	return "a text"
}

// At finds a node by keys and indexes.
func (f File) At(path ...string) *yaml.Node {
	n := f.root
	for _, step := range path {
		if n == nil {
			return nil
		}
		var next *yaml.Node
		switch i, err := strconv.Atoi(step); {
		case n.Kind == yaml.MappingNode:
			for k := 0; k+1 < len(n.Content); k += 2 {
				if n.Content[k].Value == step {
					next = n.Content[k+1]
				}
			}
		case n.Kind == yaml.SequenceNode && err == nil && i < len(n.Content):
			next = n.Content[i]
		}
		n = next
	}
	return n
}

// Where says where a node stands, and what it is called.
func (f File) Where(n *yaml.Node, key string) string {
	return fmt.Sprintf("%s:%d: %s", f.name, n.Line, key)
}

// initials are short forms within the names of fields.
var initials = strings.NewReplacer("API", "Api", "URL", "Url", "ID", "Id")

// Key turns the name of a field into that of a setting: BasePath into base_path,
// APIURL into api_url.
func Key(field string) string {
	var b strings.Builder
	for i, r := range initials.Replace(field) {
		if 'A' <= r && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Flat returns the errors that errors.Join has joined.
func Flat(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
