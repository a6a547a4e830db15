package pageconfig

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
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/routewatch/routewatch/statuspage"
)

// document is what the file may hold. Settings that flags have too are read as
// text, so that a mistake in one is told as in the flag.
type document struct {
	Listen            yaml.Node `yaml:"listen"`
	Store             yaml.Node `yaml:"store"`
	Publish           yaml.Node `yaml:"publish"`
	InsecureWebhook   yaml.Node `yaml:"insecure_webhook"`
	Notes             yaml.Node `yaml:"notes"`
	ReconcileInterval yaml.Node `yaml:"reconcile_interval"`
	StatuspageTag     yaml.Node `yaml:"statuspage_tag"`
	ServiceTagPrefix  yaml.Node `yaml:"service_tag_prefix"`
	OpsgenieAPIBase   yaml.Node `yaml:"opsgenie_api_base"`
	JSMSite           yaml.Node `yaml:"jsm_site"`
	JSMCloudID        yaml.Node `yaml:"jsm_cloud_id"`
	JSMEmail          yaml.Node `yaml:"jsm_email"`

	Site statuspage.Site `yaml:",inline"`
}

// settingKeys are the keys of document that stand for one text.
var settingKeys = []string{
	"listen", "store", "publish", "insecure_webhook", "notes", "reconcile_interval", "statuspage_tag",
	"service_tag_prefix", "opsgenie_api_base", "jsm_site", "jsm_cloud_id", "jsm_email", "title", "base_path", "url",
}

// file is a file that was read. The zero file has nothing.
type file struct {
	path string
	doc  document
	root *yaml.Node // the mapping at the top, or nil
}

// secretKeys are what people put in the file, and must not: files get committed.
var secretKeys = map[string]string{
	"webhook_key": "ROUTEWATCH_WEBHOOK_KEY", "webhook_keys": "ROUTEWATCH_WEBHOOK_KEY", "routewatch_webhook_key": "ROUTEWATCH_WEBHOOK_KEY",
	"opsgenie_token": "OPSGENIE_TOKEN", "opsgenie_api_key": "OPSGENIE_TOKEN", "api_key": "OPSGENIE_TOKEN",
	"jsm_api_token": "JSM_API_TOKEN", "jsm_token": "JSM_API_TOKEN",
}

const maxFile = 1 << 20

// readFile reads the file. What is wrong with it is told with its lines.
func (l *loader) readFile(path string) file {
	f := file{path: path}
	name := filepath.Base(path)
	data, err := readLimited(path)
	if err != nil {
		l.errs = append(l.errs, fmt.Errorf("--config: %w", err))
		return f
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		l.errs = append(l.errs, fmt.Errorf("%s: %s", name, inLines(name, err.Error())))
		return f
	}
	if len(root.Content) == 0 {
		return f // nothing but comments
	}
	if f.root = root.Content[0]; f.root.Kind != yaml.MappingNode {
		l.errs = append(l.errs, fmt.Errorf("%s:%d: want settings, such as title: Acme", name, f.root.Line))
		f.root = nil
		return f
	}
	l.checkTimes(f, data)
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err = dec.Decode(&f.doc)
	var wrong *yaml.TypeError
	switch {
	case errors.As(err, &wrong):
		for _, e := range wrong.Errors {
			l.errs = append(l.errs, errors.New(inLines(name, e)))
		}
	case err != nil && !errors.Is(err, io.EOF):
		l.errs = append(l.errs, errors.New(inLines(name, err.Error())))
	case errors.Is(dec.Decode(new(yaml.Node)), nil):
		l.errs = append(l.errs, fmt.Errorf("%s: holds a second document; the settings are one", name))
	}
	for _, key := range settingKeys {
		if n := f.at(key); n != nil && n.Kind != yaml.ScalarNode {
			l.errs = append(l.errs, fmt.Errorf("%s: want one value", f.where(n, key)))
		}
	}
	return f
}

// checkTimes tells of times that are none, and blanks them in data: the YAML
// library stops at the first without saying where, and would hide what else is
// wrong.
func (l *loader) checkTimes(f file, data []byte) {
	all := f.at("maintenance")
	if all == nil {
		return
	}
	for i := range all.Content {
		for _, key := range []string{"start", "end"} {
			n := f.at("maintenance", strconv.Itoa(i), key)
			if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!timestamp" || n.Tag == "!!null" {
				continue
			}
			if _, err := time.Parse(time.RFC3339, n.Value); err == nil {
				continue
			}
			l.errs = append(l.errs, fmt.Errorf("%s: %q is no time such as 2026-03-01T22:00:00Z", f.where(n, key), n.Value))
			line := bytes.SplitAfter(data, []byte("\n"))[n.Line-1] // shares the bytes of data
			from, to := n.Column-1, n.Column-1+len(n.Value)
			if n.Style != 0 {
				to += len(`""`)
			}
			for at := from; at < min(to, len(line)) && line[at] != '\n'; at++ {
				line[at] = ' '
			}
		}
	}
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
	unknownField = regexp.MustCompile(`^field (\S+) not found in type \S+$`)
	wrongType    = regexp.MustCompile("^cannot unmarshal !!(\\S+) (?:`(.*)` )?into (\\S+)$")
	duplicateKey = regexp.MustCompile(`^mapping key "(.*)" already defined at line (\d+)$`)
)

// inLines says in plain words what the YAML library says.
func inLines(name, said string) string {
	m := yamlLine.FindStringSubmatch(said)
	if m == nil {
		return name + ": " + strings.TrimPrefix(said, "yaml: ")
	}
	where, said := name+":"+m[1]+": ", m[2]
	if m := unknownField.FindStringSubmatch(said); m != nil {
		if env := secretKeys[strings.ToLower(m[1])]; env != "" {
			return where + m[1] + ": a secret belongs in the environment, as " + env + ", or in a file that " + env + "_FILE names"
		}
		return where + m[1] + ": there is no such setting"
	}
	if m := wrongType.FindStringSubmatch(said); m != nil {
		return where + fmt.Sprintf("%q is not of the right kind: want %s", m[2], kind(m[3]))
	}
	if m := duplicateKey.FindStringSubmatch(said); m != nil {
		return where + m[1] + ": is already set in line " + m[2]
	}
	return where + said
}

// kind names a Go type in words.
func kind(goType string) string {
	switch {
	case goType == "bool":
		return "true or false"
	case goType == "time.Time":
		return "a time such as 2026-03-01T22:00:00Z"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "map["), strings.Contains(goType, "."):
		return "names with values"
	}
	return "a text"
}

// at finds a node by keys and indexes.
func (f file) at(path ...string) *yaml.Node {
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

func (f file) where(n *yaml.Node, key string) string {
	return fmt.Sprintf("%s:%d: %s", filepath.Base(f.path), n.Line, key)
}

// scalar returns the text of a setting and where it stands. A null is not set.
func (f file) scalar(key string) (value, where string, ok bool) {
	n := f.at(key)
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", "", false
	}
	return n.Value, f.where(n, key), true
}

// pageField reads the field that a mistake of the page is about.
var pageField = regexp.MustCompile(`^statuspage: (?:Site\.)?([A-Za-z]+)(?:\[([^\]]*)\])?:? ?(.*)$`)

// pageMistake says a mistake that the page found by the name of the setting.
func (l *loader) pageMistake(err error) error {
	m := pageField.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	field, index, reason := m[1], m[2], m[3]
	switch field {
	case "WebhookKeys":
		reason = strings.Replace(reason, "set one, or InsecureWebhook", "set one, or --insecure-webhook", 1)
		return fmt.Errorf("ROUTEWATCH_WEBHOOK_KEY: %s", reason)
	case "PageTag":
		field = "StatuspageTag"
	}
	key := snake(field)
	if index != "" {
		if n := l.file.at(key, index); n != nil {
			return fmt.Errorf("%s[%s]: %s", l.file.where(n, key), index, reason)
		}
		reason = "[" + index + "] " + reason
	}
	if l.origin[key] == "" {
		if n := l.file.at(key); n != nil {
			l.origin[key] = l.file.where(n, key)
		}
	}
	if from := l.origin[key]; from != "" {
		return fmt.Errorf("%s: %s", from, reason)
	}
	return fmt.Errorf("%s: %s", key, reason)
}

// snake turns BasePath into base_path.
func snake(field string) string {
	if field == strings.ToUpper(field) {
		return strings.ToLower(field)
	}
	var b strings.Builder
	for i, r := range field {
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
