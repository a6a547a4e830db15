package pageconfig

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/yamlfile"
	"github.com/routewatch/routewatch/statuspage"
)

// document is what the file may hold. Settings that flags have too are read as
// text, so that a mistake in one is told as in the flag.
type document struct {
	Listen            yaml.Node `yaml:"listen"`
	Store             yaml.Node `yaml:"store"`
	Publish           yaml.Node `yaml:"publish"`
	Metrics           yaml.Node `yaml:"metrics"`
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
	"listen", "store", "publish", "metrics", "insecure_webhook", "notes", "reconcile_interval", "statuspage_tag",
	"service_tag_prefix", "opsgenie_api_base", "jsm_site", "jsm_cloud_id", "jsm_email", "title", "base_path", "url",
}

// secretKeys are what people put in the file, and must not: files get committed.
var secretKeys = map[string]string{
	"webhook_key": "ROUTEWATCH_WEBHOOK_KEY", "webhook_keys": "ROUTEWATCH_WEBHOOK_KEY", "routewatch_webhook_key": "ROUTEWATCH_WEBHOOK_KEY",
	"opsgenie_token": "OPSGENIE_TOKEN", "opsgenie_api_key": "OPSGENIE_TOKEN", "api_key": "OPSGENIE_TOKEN",
	"jsm_api_token": "JSM_API_TOKEN", "jsm_token": "JSM_API_TOKEN",
}

// readFile reads the file. What is wrong with it is told with its lines.
func (l *loader) readFile(path string) {
	f, errs := yamlfile.Read(path, &l.doc, yamlfile.Options{Secrets: secretKeys, Example: "title: Acme", Check: checkTimes})
	l.file = f
	l.errs = append(l.errs, errs...)
	for _, key := range settingKeys {
		if n := f.At(key); n != nil && n.Kind != yaml.ScalarNode {
			l.errs = append(l.errs, fmt.Errorf("%s: want one value", f.Where(n, key)))
		}
	}
}

// checkTimes tells of times that are none, and blanks them in data: the YAML
// library stops at the first without saying where, and would hide what else is
// wrong.
func checkTimes(f yamlfile.File, data []byte) (errs []error) {
	all := f.At("maintenance")
	if all == nil {
		return nil
	}
	for i := range all.Content {
		for _, key := range []string{"start", "end"} {
			n := f.At("maintenance", strconv.Itoa(i), key)
			if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!timestamp" || n.Tag == "!!null" {
				continue
			}
			if _, err := time.Parse(time.RFC3339, n.Value); err == nil {
				continue
			}
			errs = append(errs, fmt.Errorf("%s: %q is no time such as 2026-03-01T22:00:00Z", f.Where(n, key), n.Value))
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
	return errs
}

// scalar returns the text of a setting and where it stands. A null is not set.
func (l *loader) scalar(key string) (value, where string, ok bool) {
	n := l.file.At(key)
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", "", false
	}
	return n.Value, l.file.Where(n, key), true
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
		reason = strings.NewReplacer(
			"are missing", "is missing",
			"set one, or InsecureWebhook", "set one, such as $(openssl rand -hex 24), or --insecure-webhook",
			"fewer than 16 characters", "fewer than 16 characters: set a longer one, such as $(openssl rand -hex 24)",
		).Replace(reason)
		return fmt.Errorf("ROUTEWATCH_WEBHOOK_KEY: %s", reason)
	case "Words":
		keys := slices.Sorted(maps.Keys(statuspage.DefaultWords))
		reason = strings.Replace(reason, "DefaultWords has the keys", "it has "+strings.Join(keys, ", "), 1)
	case "PageTag":
		field = "StatuspageTag"
	}
	key := yamlfile.Key(field)
	if index != "" {
		if n := l.file.At(key, index); n != nil {
			return fmt.Errorf("%s[%s]: %s", l.file.Where(n, key), index, reason)
		}
		reason = "[" + index + "] " + reason
	}
	if l.origin[key] == "" {
		if n := l.file.At(key); n != nil {
			l.origin[key] = l.file.Where(n, key)
		}
	}
	if from := l.origin[key]; from != "" {
		return fmt.Errorf("%s: %s", from, reason)
	}
	return fmt.Errorf("%s: %s", key, reason)
}
