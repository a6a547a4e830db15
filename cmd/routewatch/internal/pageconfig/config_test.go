package pageconfig_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageconfig"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

const key = "a-webhook-key-of-the-tests"

// clean takes away what the environment of the tests may have.
func clean(t *testing.T) {
	t.Helper()
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		for _, prefix := range []string{"ROUTEWATCH_", "OPSGENIE_", "JSM_"} {
			if strings.HasPrefix(name, prefix) {
				t.Setenv(name, "")
			}
		}
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func load(t *testing.T, yaml string) (pageconfig.Config, error) {
	t.Helper()
	flags := pageconfig.Flags{}
	if yaml != "" {
		flags.Config = write(t, "page.yaml", yaml)
	}
	return pageconfig.Load(t.Context(), flags, &pageconfig.ServeFlags{})
}

func TestMistakesAreToldAtOnceAndWhereTheyAre(t *testing.T) {
	clean(t)
	t.Setenv("OPSGENIE_TOKEN", "a key with blanks")
	t.Setenv("OPSGENIE_API_BASE", "http://example.com")
	t.Setenv("JSM_EMAIL", "me@example.com")
	t.Setenv("ROUTEWATCH_RECONCILE_INTERVAL", "soon")
	interval := "10ms"
	_, err := pageconfig.Load(t.Context(), pageconfig.Flags{
		Config: write(t, "page.yaml", `title: Acme
colour: red
notes: some
webhook_key: abc
groups:
  - name: Shop
    services: [API]
  - services: [Mail]
listen: here
links: yes
`), Store: &interval,
	}, &pageconfig.ServeFlags{})
	require.Error(t, err)
	for _, want := range []string{
		"page.yaml:2: colour: there is no such setting",
		"page.yaml:3: notes: \"some\" is none of all, public, none",
		"page.yaml:4: webhook_key: a secret belongs in the environment, as ROUTEWATCH_WEBHOOK_KEY",
		"page.yaml:8: groups[1]: has no name",
		"page.yaml:9: listen: \"here\" is no address",
		"page.yaml:10: links: \"yes\" is not of the right kind: want a list",
		"--store: \"10ms\" is none of mem:, file:DIR, s3://bucket/prefix",
		"ROUTEWATCH_RECONCILE_INTERVAL: \"soon\" is no duration such as 5m",
		"ROUTEWATCH_WEBHOOK_KEY: is missing; without a key anybody could turn the page red: set one, such as $(openssl rand -hex 24), or --insecure-webhook",
		"OPSGENIE_TOKEN: holds a blank",
		"OPSGENIE_API_BASE: plain http to example.com",
		"JSM_SITE: required, or JSM_CLOUD_ID",
		"JSM_API_TOKEN: required",
	} {
		assert.Contains(t, err.Error(), want)
	}
	assert.NotContains(t, err.Error(), "a key with")
	assert.NotContains(t, err.Error(), "abc")
}

func TestWrongFiles(t *testing.T) {
	for _, test := range []struct{ name, yaml, want string }{
		{"no mapping", "- a\n- b\n", "page.yaml:1: want settings"},
		{"no YAML", "title: [\n", "page.yaml:"},
		{"a list for a text", "store: [a]\n", "page.yaml:1: store: want one value"},
		{"twice", "title: a\ntitle: b\n", "page.yaml:2: title: is already set in line 1"},
		{"two documents", "title: a\n---\ntitle: b\n", "second document"},
		{"a number of nothing", "reconcile_interval: 300\n", `page.yaml:1: reconcile_interval: "300" is no duration`},
		{"too often", "reconcile_interval: 1ms\n", "page.yaml:1: reconcile_interval: 1ms is too short"},
		{"no boolean", "insecure_webhook: maybe\n", `page.yaml:1: insecure_webhook: "maybe" is neither true nor false`},
		{"a base path", "title: x\nbase_path: status page\n", "page.yaml:2: base_path: "},
		{"a nested unknown key", "groups:\n  - name: x\n    service: [API]\n", "page.yaml:3: service: there is no such setting"},
		{"a colour", "colours:\n  green: grass\n", "colours"},
		{"a word", "words:\n  grenn: Works\n", `page.yaml:2: words: has no "grenn"; it has active_incidents, affects, `},
		{"a logo", "logo: http://example.com/logo.png\n", `page.yaml:1: logo: "http://example.com/logo.png" is no https address`},
		{"a time", "maintenance:\n  - title: x\n    start: tomorrow\n    end: \"later on\"\ncolour: x\n", "page.yaml:3: start: \"tomorrow\" is no time such as 2026-03-01T22:00:00Z\npage.yaml:4: end: \"later on\" is no time such as 2026-03-01T22:00:00Z\npage.yaml:5: colour"},
		{"work that ends before it starts", "maintenance:\n  - title: x\n    start: 2026-01-02T00:00:00Z\n    end: 2026-01-01T00:00:00Z\n", "page.yaml:2: maintenance[0]"},
		{"too long", "title: " + strings.Repeat("x", 2<<20), "longer than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			clean(t)
			t.Setenv("ROUTEWATCH_WEBHOOK_KEY", key)
			_, err := load(t, test.yaml)
			assert.ErrorContains(t, err, test.want)
		})
	}
	_, err := pageconfig.Load(t.Context(), pageconfig.Flags{Config: "/nowhere/page.yaml"}, nil)
	assert.ErrorContains(t, err, "--config: open /nowhere/page.yaml")
}

func TestFlagsOverEnvironmentOverFile(t *testing.T) {
	clean(t)
	t.Setenv("ROUTEWATCH_WEBHOOK_KEY", key)
	const yaml = "title: of the file\nnotes: none\nlisten: 127.0.0.1:1\nreconcile_interval: 7m\nbase_path: /file\ngroups: [{name: g, services: [API]}]\n"

	c, err := load(t, yaml)
	require.NoError(t, err)
	assert.Equal(t, "of the file", c.Page.Site.Title)
	assert.Equal(t, statuspage.NoNotes, c.Page.Notes)
	assert.Equal(t, "127.0.0.1:1", c.Listen)
	assert.Equal(t, 7*time.Minute, c.Page.ReconcileInterval)
	assert.Equal(t, "/file", c.Page.Site.BasePath)
	assert.Equal(t, []string{"API"}, c.Page.Site.Groups[0].Services)

	t.Setenv("ROUTEWATCH_TITLE", "of the environment")
	t.Setenv("ROUTEWATCH_NOTES", "public")
	t.Setenv("ROUTEWATCH_LISTEN", ":2")
	flag, empty := "of the flag", ""
	c, err = pageconfig.Load(t.Context(), pageconfig.Flags{Config: write(t, "page.yaml", yaml), Title: &flag, BasePath: &empty}, &pageconfig.ServeFlags{})
	require.NoError(t, err)
	assert.Equal(t, "of the flag", c.Page.Site.Title)
	assert.Equal(t, statuspage.PublicNotes, c.Page.Notes)
	assert.Equal(t, ":2", c.Listen)
	assert.Empty(t, c.Page.Site.BasePath, "an empty flag is a flag")
}

func TestDefaults(t *testing.T) {
	clean(t)
	t.Setenv("ROUTEWATCH_WEBHOOK_KEY", key)
	c, err := load(t, "# nothing\n")
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:8080", c.Listen)
	assert.Equal(t, "file:statuspage-data", c.Store)
	assert.Empty(t, c.Publish)
	assert.Nil(t, c.Page.Alerts)
	assert.Contains(t, c.Truth, "the webhooks")
}

func TestWebhookKeys(t *testing.T) {
	clean(t)
	_, err := load(t, "")
	require.ErrorContains(t, err, "ROUTEWATCH_WEBHOOK_KEY: is missing")
	_, err = pageconfig.Load(t.Context(), pageconfig.Flags{}, &pageconfig.ServeFlags{InsecureWebhook: true})
	assert.NoError(t, err)
	_, err = pageconfig.Load(t.Context(), pageconfig.Flags{}, nil)
	assert.NoError(t, err, "an export has no webhook")

	t.Setenv("ROUTEWATCH_WEBHOOK_KEY_FILE", write(t, "key", "first-key-0123456\nsecond-key-012345 ,third-key-0123456,\n"))
	c, err := load(t, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"first-key-0123456", "second-key-012345", "third-key-0123456"}, c.Page.WebhookKeys)

	t.Setenv("ROUTEWATCH_WEBHOOK_KEY", "short-canary")
	_, err = load(t, "")
	require.ErrorContains(t, err, "fewer than 16 characters: set a longer one, such as")
	assert.NotContains(t, err.Error(), "canary")

	t.Setenv("ROUTEWATCH_WEBHOOK_KEY", "")
	t.Setenv("ROUTEWATCH_WEBHOOK_KEY_FILE", "/nowhere")
	_, err = load(t, "")
	require.ErrorContains(t, err, "ROUTEWATCH_WEBHOOK_KEY_FILE: open /nowhere")
	t.Setenv("ROUTEWATCH_WEBHOOK_KEY_FILE", write(t, "key", "\n"))
	_, err = load(t, "")
	assert.ErrorContains(t, err, "is empty")
}

func TestWhatDecides(t *testing.T) {
	for _, test := range []struct {
		name   string
		env    map[string]string
		truth  string
		alerts string
	}{
		{"nothing", nil, "the webhooks that came", "<nil>"},
		{"Opsgenie", map[string]string{"OPSGENIE_TOKEN": "a-key-of-opsgenie"}, "the alerts at https://api.opsgenie.com", "statuspage.clientAlerts"},
		{"Opsgenie elsewhere", map[string]string{"OPSGENIE_TOKEN": "a-key-of-opsgenie", "OPSGENIE_API_BASE": opsgenie.EU}, "the alerts at https://api.eu.opsgenie.com", "statuspage.clientAlerts"},
		{"a key that cannot list", map[string]string{"OPSGENIE_TOKEN": "a-key-of-opsgenie", "OPSGENIE_API_BASE": opsgenie.JSM}, "this key cannot list alerts", "<nil>"},
		{"an account", map[string]string{
			"OPSGENIE_TOKEN": "a-key-of-opsgenie", "OPSGENIE_API_BASE": opsgenie.JSM,
			"JSM_SITE": "acme", "JSM_EMAIL": "me@example.com", "JSM_API_TOKEN": "canary-token",
		}, "read as me@example.com", "*jsmops.Client"},
	} {
		t.Run(test.name, func(t *testing.T) {
			clean(t)
			t.Setenv("ROUTEWATCH_WEBHOOK_KEY", key)
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			c, err := load(t, "")
			require.NoError(t, err)
			assert.Contains(t, c.Truth, test.truth)
			assert.Equal(t, test.alerts, fmt.Sprintf("%T", c.Page.Alerts))
			assert.NotContains(t, c.Truth, "canary")
		})
	}
}

func TestCheckStore(t *testing.T) {
	for _, good := range []string{"mem:", "file:data", "file:/var/lib/x", "s3://bucket", "s3://bucket/a/b"} {
		assert.NoError(t, pageconfig.CheckStore(good), good)
	}
	for _, wrong := range []string{"", "mem", "mem:x", "file:", "s3:bucket", "s3://", "s3:///", "redis://x", "/var/lib"} {
		assert.Error(t, pageconfig.CheckStore(wrong), wrong)
	}
}

// The file that is shipped has no mistake, also with all that it shows switched on.
func TestTheShippedFile(t *testing.T) {
	clean(t)
	t.Setenv("ROUTEWATCH_WEBHOOK_KEY", key)
	t.Setenv("JSM_API_TOKEN", "a-token-of-an-account")
	shipped, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "deploy", "statuspage.yaml"))
	require.NoError(t, err)
	c, err := load(t, string(shipped))
	require.ErrorContains(t, err, "JSM_SITE: required", "the account is not named in it")
	require.Equal(t, "Acme", c.Page.Site.Title)

	on := regexp.MustCompile(`(?m)^# (([a-z_]+:|  ?[ -]).*)$`).ReplaceAllString(string(shipped), "$1")
	_, err = load(t, on)
	require.ErrorContains(t, err, `url: "https://status.example.com" does not end in the base path "/status"`)
	on = strings.Replace(on, "\nurl: https://status.example.com\n", "\nurl: https://status.example.com/status\n", 1)
	c, err = load(t, on)
	require.NoError(t, err, "%s", on)
	assert.Equal(t, statuspage.PublicNotes, c.Page.Notes)
	assert.Equal(t, "s3://status.example.com", c.Publish)
	assert.Len(t, c.Page.Site.Maintenance, 1)
	assert.Equal(t, "In Ordnung", c.Page.Site.Words["green"])
	assert.Equal(t, []string{"https://app.example.com"}, c.Page.Site.EmbedIn)
	assert.Contains(t, c.Truth, "read as status-page@example.com")
}
