// Package pageconfig reads the settings of a status page: flags over environment
// over a YAML file. All mistakes are told at once, each where it was made.
package pageconfig

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/secret"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/yamlfile"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/jsmops"
	"github.com/routewatch/routewatch/statuspage"
)

// Flags are the settings that the command line has. Nil is not given.
type Flags struct {
	Config            string  `env:"ROUTEWATCH_CONFIG" placeholder:"FILE" help:"A YAML file with these settings, and with what the page looks like."`
	Store             *string `placeholder:"WHERE" help:"Where the state is kept: mem:, file:DIR or s3://bucket/prefix. Defaults to file:statuspage-data."`
	Title             *string `placeholder:"TEXT" help:"The name of the page."`
	BasePath          *string `placeholder:"/PATH" help:"Where the page is mounted, such as /status."`
	Notes             *string `placeholder:"WHICH" help:"Which notes of alerts visitors see: all, public (those that begin with public:) or none. Defaults to all."`
	ReconcileInterval *string `placeholder:"DURATION" help:"How often the page is compared with the Alert API. Defaults to 5m."`
	StatuspageTag     *string `placeholder:"TAG" help:"The tag without which an alert does not count. Defaults to statuspage."`
	ServiceTagPrefix  *string `placeholder:"PREFIX" help:"What the tag of a service begins with. Defaults to servicename:."`
}

// ServeFlags are those that only a page with visitors has.
type ServeFlags struct {
	Listen          *string `placeholder:"HOST:PORT" help:"Where the page is served. Defaults to 127.0.0.1:8080."`
	Publish         *string `placeholder:"WHERE" help:"Also keep the whole page as files, in a folder or in s3://bucket/prefix, current after each change."`
	Metrics         *string `placeholder:"FILE" help:"Also run metric sync each minute, by this YAML file (see routewatch metricsync), and show its metrics on the page."`
	InsecureWebhook bool    `help:"Take webhooks without a key: anybody who reaches the page can then turn it red."`
}

// Config is what the settings come to.
type Config struct {
	Listen  string // host:port
	Store   string // mem:, file:DIR or s3://bucket/prefix
	Publish string // a folder, s3://bucket/prefix, or "" for none
	Metrics string // a file of settings of metric sync, or "" for none
	// Page has everything but its Store and Logger.
	Page statuspage.Config
	// Truth says in words what decides the states.
	Truth string
}

// The defaults.
const (
	DefaultListen = "127.0.0.1:8080"
	DefaultStore  = "file:statuspage-data"
)

// Load reads the settings. Serving says whether they are to serve visitors; the
// key of the webhook is required only then. The error joins all mistakes.
func Load(ctx context.Context, flags Flags, serve *ServeFlags) (Config, error) {
	l := &loader{lookup: os.LookupEnv, origin: map[string]string{}}
	if flags.Config != "" {
		l.readFile(flags.Config)
	}
	site := l.doc.Site
	c := Config{
		Store: l.text("store", flags.Store, DefaultStore),
		Page: statuspage.Config{
			PageTag:           l.text("statuspage_tag", flags.StatuspageTag, ""),
			ServiceTagPrefix:  l.text("service_tag_prefix", flags.ServiceTagPrefix, ""),
			Notes:             statuspage.Notes(strings.ToLower(l.text("notes", flags.Notes, ""))),
			ReconcileInterval: l.duration("reconcile_interval", flags.ReconcileInterval),
			WebhookKeys:       l.keys("ROUTEWATCH_WEBHOOK_KEY"),
		},
	}
	site.Title = l.text("title", flags.Title, site.Title)
	site.BasePath = l.text("base_path", flags.BasePath, site.BasePath)
	site.URL = l.text("url", nil, site.URL)
	c.Page.Site = site
	if serve == nil {
		c.Page.InsecureWebhook = true // nobody can call it
	} else {
		c.Listen = l.text("listen", serve.Listen, DefaultListen)
		c.Publish = l.text("publish", serve.Publish, "")
		c.Metrics = l.text("metrics", serve.Metrics, "")
		c.Page.InsecureWebhook = l.flag("insecure_webhook", serve.InsecureWebhook)
		if err := checkAddr(c.Listen); err != nil {
			l.bad("listen", err)
		}
	}
	if err := CheckStore(c.Store); err != nil {
		l.bad("store", err)
	}
	l.alerts(&c)
	l.checkPage(ctx, c.Page)
	return c, errors.Join(l.errs...)
}

// loader gathers settings and what is wrong with them.
type loader struct {
	lookup func(string) (string, bool)
	file   yamlfile.File
	doc    document
	origin map[string]string // of a setting: what a mistake in it is told by
	errs   []error
}

// bad tells a mistake where it was made.
func (l *loader) bad(key string, err error) {
	from := l.origin[key]
	if from == "" {
		from = "--" + strings.ReplaceAll(key, "_", "-")
	}
	l.errs = append(l.errs, fmt.Errorf("%s: %w", from, err))
}

// envNames are the variables that are not named after their setting.
var envNames = map[string]string{
	"opsgenie_api_base": "OPSGENIE_API_BASE",
	"jsm_site":          "JSM_SITE",
	"jsm_cloud_id":      "JSM_CLOUD_ID",
	"jsm_email":         "JSM_EMAIL",
}

// text is a setting: the flag's value, else the variable's, else the file's.
func (l *loader) text(key string, flag *string, otherwise string) string {
	if flag != nil {
		l.origin[key] = "--" + strings.ReplaceAll(key, "_", "-")
		return strings.TrimSpace(*flag)
	}
	name := envNames[key]
	if name == "" {
		name = "ROUTEWATCH_" + strings.ToUpper(key)
	}
	if v := l.env(name); v != "" {
		l.origin[key] = name
		return v
	}
	if v, where, ok := l.scalar(key); ok {
		l.origin[key] = where
		return strings.TrimSpace(v)
	}
	if envNames[key] != "" {
		l.origin[key] = name
	}
	return otherwise
}

func (l *loader) env(name string) string {
	v, _ := l.lookup(name)
	return strings.TrimSpace(v)
}

func (l *loader) duration(key string, flag *string) time.Duration {
	s := l.text(key, flag, "")
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		l.bad(key, fmt.Errorf("%q is no duration such as 5m or 90s", s))
	case d < time.Second:
		l.bad(key, fmt.Errorf("%s is too short: 1s is the least", s))
	default:
		return d
	}
	return 0
}

func (l *loader) flag(key string, flag bool) bool {
	if flag {
		return true
	}
	s := l.text(key, nil, "")
	if s == "" {
		return false
	}
	b, err := strconv.ParseBool(s)
	if err != nil {
		l.bad(key, fmt.Errorf("%q is neither true nor false", s))
	}
	return b
}

// secret is that of a variable or of a file. Its value is in no message.
func (l *loader) secret(name string) string {
	s, err := secret.Env(name)
	if err != nil {
		l.errs = append(l.errs, err)
	}
	return s
}

// keys are several secrets, with commas or line breaks between.
func (l *loader) keys(name string) []string {
	var keys []string
	for _, k := range strings.FieldsFunc(l.secret(name), func(r rune) bool { return r == ',' || r == '\n' }) {
		if k = strings.TrimSpace(k); k != "" {
			keys = append(keys, k)
		}
	}
	return keys
}

// alerts chooses the Alert API that decides the states.
func (l *loader) alerts(c *Config) {
	const records = "the webhooks that came; there is no Alert API to compare them with"
	key, base := l.secret("OPSGENIE_TOKEN"), l.text("opsgenie_api_base", nil, "")
	jsm := jsmops.Config{
		Site: l.text("jsm_site", nil, ""), CloudID: l.text("jsm_cloud_id", nil, ""),
		Email: l.text("jsm_email", nil, ""), Token: l.secret("JSM_API_TOKEN"),
	}
	var genie *opsgenie.Client
	if key != "" {
		var err error
		if genie, err = opsgenie.New(opsgenie.Config{APIKey: key, BaseURL: base}); err != nil {
			l.clientMistakes(err, map[string]string{"APIKey": "OPSGENIE_TOKEN", "BaseURL": l.origin["opsgenie_api_base"]})
		}
	}
	c.Truth = records
	switch {
	case jsm != jsmops.Config{}:
		client, err := jsmops.New(jsm)
		if err != nil {
			l.clientMistakes(err, map[string]string{
				"Site": l.origin["jsm_site"], "CloudID": l.origin["jsm_cloud_id"], "Email": l.origin["jsm_email"], "Token": "JSM_API_TOKEN",
			})
			return
		}
		c.Page.Alerts, c.Truth = client, "the alerts of Jira Service Management, read as "+jsm.Email
	case genie != nil:
		if c.Page.Alerts = statuspage.ClientAlerts(genie); c.Page.Alerts == nil {
			c.Truth = records + " (this key cannot list alerts on Jira Service Management: set JSM_SITE, JSM_EMAIL and JSM_API_TOKEN)"
		} else {
			c.Truth = "the alerts at " + genie.BaseURL()
		}
	}
}

// clientMistakes tells what a client's constructor found, by the names of the
// settings.
func (l *loader) clientMistakes(err error, names map[string]string) {
	for _, e := range yamlfile.Flat(err) {
		_, rest, _ := strings.Cut(e.Error(), ": ")
		field, reason, _ := strings.Cut(rest, ": ")
		reason = strings.NewReplacer("or CloudID", "or JSM_CLOUD_ID").Replace(reason)
		if name := names[field]; name != "" {
			field = name
		}
		l.errs = append(l.errs, fmt.Errorf("%s: %s", field, reason))
	}
}

// checkPage has the page itself look for mistakes. It keeps nothing.
func (l *loader) checkPage(ctx context.Context, c statuspage.Config) {
	c.Store, c.Logger = nothing{}, slog.New(slog.DiscardHandler)
	_, err := statuspage.New(ctx, c)
	for _, e := range yamlfile.Flat(err) {
		l.errs = append(l.errs, l.pageMistake(e))
	}
}

// CheckStore says what is wrong with the form of where to store, or nil.
func CheckStore(s string) error {
	kind, rest, ok := strings.Cut(s, ":")
	switch {
	case s == "mem:", ok && kind == "file" && rest != "",
		ok && kind == "s3" && strings.HasPrefix(rest, "//") && strings.Trim(rest, "/") != "":
		return nil
	}
	return fmt.Errorf("%q is none of mem:, file:DIR, s3://bucket/prefix", s)
}

func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is no address: write a host and a port, such as 127.0.0.1:8080, or :8080 for all", addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q has no port from 0 to 65535", addr)
	}
	return nil
}

// nothing is a store without documents.
type nothing struct{}

func (nothing) Update(context.Context, string, func([]byte) ([]byte, error)) error {
	return errors.ErrUnsupported
}
func (nothing) Get(context.Context, string) ([]byte, error) { return nil, statuspage.ErrNotFound }
func (nothing) Delete(context.Context, string) error        { return nil }
func (nothing) Close() error                                { return nil }
func (nothing) List(context.Context, string) iter.Seq2[statuspage.Entry, error] {
	return func(func(statuspage.Entry, error) bool) {}
}
