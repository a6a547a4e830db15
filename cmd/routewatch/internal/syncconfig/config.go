// Package syncconfig reads the settings of metric sync: a YAML file, and secrets
// from elsewhere. All mistakes are told at once, each by its line.
package syncconfig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/yamlfile"
	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/pagesink"
	"github.com/routewatch/routewatch/metricsync/prometheus"
	"github.com/routewatch/routewatch/metricsync/signalfx"
	"github.com/routewatch/routewatch/metricsync/statuspageio"
)

// Config is what the settings come to.
type Config struct {
	// Sync has everything but its Documents, and the sink of the page.
	Sync metricsync.Config
	// State is where the progress is kept: mem:, file:DIR or s3://bucket/prefix.
	State string
	// PageStore is that of the page of routewatch that is to show the metrics, in
	// the same form; "" is none.
	PageStore string
	// Charts are how they look there.
	Charts []pagesink.Chart
	// Sinks are the sinks in words.
	Sinks []string
}

// Options are what Load is told beside the file.
type Options struct {
	// Secret returns the secret of a variable, "" where there is none.
	Secret func(ctx context.Context, name string) (string, error)
	// Page is that the metrics are shown by a page of routewatch in any case, whose
	// store is known elsewhere.
	Page   bool
	Logger *slog.Logger
}

// DefaultState is where the progress is kept.
const DefaultState = "file:metricsync-state"

// secretKeys are what people put in the file, and must not.
var secretKeys = map[string]string{
	"api_key": "STATUSPAGE_API_KEY", "statuspage_api_key": "STATUSPAGE_API_KEY",
	"signalfx_token": "SIGNALFX_TOKEN", "token": "SIGNALFX_TOKEN or PROMETHEUS_TOKEN",
	"prometheus_token": "PROMETHEUS_TOKEN", "password": "PROMETHEUS_PASSWORD",
}

// Load reads the settings in a file. The error joins all mistakes.
func Load(ctx context.Context, path string, o Options) (Config, error) {
	l := &loader{ctx: ctx, options: o, said: map[string]bool{}}
	var errs []error
	l.file, errs = yamlfile.Read(path, &l.doc, yamlfile.Options{Secrets: secretKeys, Example: "metrics: [...]"})
	l.errs = append(l.errs, errs...)
	c := Config{
		State: cmp.Or(l.doc.State, DefaultState),
		Sync: metricsync.Config{
			Settle:  negative(l.doc.Settle),
			Overlap: negative(l.doc.Overlap),
			Logger:  o.Logger,
		},
	}
	for key, d := range map[string]duration{"settle": l.doc.Settle, "overlap": l.doc.Overlap} {
		if d.Duration < 0 {
			l.bad(fmt.Errorf("%s is less than nothing; 0s is none", d), key)
		}
	}
	if len(errs) > 0 && len(l.doc.Metrics) == 0 {
		return c, errors.Join(l.errs...) // what is missing may be what could not be read
	}
	l.sinks(&c)
	for n := range l.doc.Metrics {
		m, chart := l.metric(n)
		c.Sync.Metrics = append(c.Sync.Metrics, m)
		c.Charts = append(c.Charts, chart)
	}
	l.check(c.Sync)
	return c, errors.Join(l.errs...)
}

// negative is a duration as metricsync.Config has it: 0 is not set there, and
// less is none.
func negative(d duration) time.Duration {
	if d.set && d.Duration == 0 {
		return -1
	}
	return d.Duration
}

// loader gathers settings and what is wrong with them.
type loader struct {
	ctx     context.Context
	options Options
	file    yamlfile.File
	doc     document
	errs    []error
	said    map[string]bool // mistakes that were told, where several metrics make the same

	signalfx   *signalfx.Client
	prometheus *prometheus.Source
}

// bad tells a mistake at the first of the given places that the file has, each a
// path of keys and indexes with dots between. One that is not there is told by the
// line of what it is missing in.
func (l *loader) bad(err error, places ...string) {
	from := named(places[0])
	for _, p := range places {
		if n := l.file.At(strings.Split(p, ".")...); n != nil {
			if !strings.HasPrefix(places[0], p+".") {
				from = named(p)
			}
			from = l.file.Where(n, from)
			break
		}
	}
	text := from + ": " + err.Error()
	if !l.said[text] {
		l.said[text] = true
		l.errs = append(l.errs, fmt.Errorf("%s: %w", from, err))
	}
}

var index = regexp.MustCompile(`\.(\d+)\b`)

// named is a path as people write it: metrics[0].query.
func named(path string) string { return index.ReplaceAllString(path, "[$1]") }

func (l *loader) secret(name string) string {
	s, err := l.options.Secret(l.ctx, name)
	if err != nil && !l.said[name] {
		l.said[name] = true
		l.errs = append(l.errs, err)
	}
	return s
}

// built tells what a constructor found, by the names of the settings. Its errors
// are of the form "package: Field: reason".
func (l *loader) built(err error, section string, secrets map[string]string) {
	for _, e := range yamlfile.Flat(err) {
		_, rest, _ := strings.Cut(e.Error(), ": ")
		field, reason, _ := strings.Cut(rest, ": ")
		if name := secrets[field]; name != "" {
			if !l.said[name] { // else it is there, and could not be read
				l.bad(fmt.Errorf("%s (or in a file that %s_FILE names)", reason, name), name)
			}
			continue
		}
		key := yamlfile.Key(field)
		switch field {
		case "MaxSamples":
			key = "max_points"
		case "Header":
			key = "headers"
		}
		l.bad(errors.New(reason), section+"."+key, section)
	}
}

// sinks makes the sinks.
func (l *loader) sinks(c *Config) {
	if p := l.doc.Page; p != nil {
		c.PageStore = p.Store
		switch {
		case l.options.Page:
			l.bad(errors.New("is that of this page already: leave it out"), "page.store", "page")
		case p.Store == "":
			l.bad(errors.New("is missing: say where the page keeps its state, such as s3://bucket/prefix"), "page.store", "page")
		default:
			c.Sinks = append(c.Sinks, "the page in "+p.Store)
		}
	}
	s := l.doc.Statuspage
	switch {
	case s == nil && (l.doc.Page != nil || l.options.Page):
		return
	case s == nil:
		l.bad(errors.New("is missing: say to which page the metrics go, as in {page_id: abc123}"), "statuspage")
		return
	}
	sink, err := statuspageio.New(statuspageio.Config{
		PageID: s.PageID, APIURL: s.APIURL, MaxSamples: s.MaxPoints, APIKey: l.secret("STATUSPAGE_API_KEY"),
	})
	if err != nil {
		l.built(err, "statuspage", map[string]string{"APIKey": "STATUSPAGE_API_KEY"})
		return
	}
	c.Sync.Sinks = append(c.Sync.Sinks, sink)
	c.Sinks = append([]string{"Statuspage.io, page " + s.PageID}, c.Sinks...)
}

// The sources.
const (
	fromSignalFx   = "signalfx"
	fromSignalFlow = "signalflow"
	fromPrometheus = "prometheus"
)

// source returns the source of a metric, or nil where there is something wrong
// with it.
func (l *loader) source(at, name string) metricsync.Source {
	switch name {
	case fromSignalFx, fromSignalFlow:
		if l.signalfx == nil {
			s := l.doc.SignalFx
			client, err := signalfx.New(signalfx.Config{
				Realm: s.Realm, APIURL: s.APIURL, StreamURL: s.StreamURL, MaxDelay: s.MaxDelay.Duration, Token: l.secret("SIGNALFX_TOKEN"),
			})
			if err != nil {
				l.built(err, "signalfx", map[string]string{"Token": "SIGNALFX_TOKEN"})
				return nil
			}
			l.signalfx = client
		}
		if name == fromSignalFlow {
			return l.signalfx.SignalFlow()
		}
		return l.signalfx.TimeSeries()
	case fromPrometheus:
		if l.prometheus == nil {
			p := l.doc.Prometheus
			header := http.Header{}
			for name, value := range p.Headers {
				header.Set(name, value)
			}
			source, err := prometheus.New(prometheus.Config{
				URL: p.URL, User: p.User, Header: header, MaxPoints: p.MaxPoints, AllowPartial: p.AllowPartial,
				Token: l.secret("PROMETHEUS_TOKEN"), Password: l.secret("PROMETHEUS_PASSWORD"), Logger: l.options.Logger,
			})
			if err != nil {
				l.built(err, "prometheus", map[string]string{"Token": "PROMETHEUS_TOKEN", "Password": "PROMETHEUS_PASSWORD"})
				return nil
			}
			l.prometheus = source
		}
		return l.prometheus
	case "":
		l.bad(fmt.Errorf("is missing: it is one of %s, %s and %s", fromSignalFx, fromSignalFlow, fromPrometheus), at+".source", at)
	default:
		l.bad(fmt.Errorf("%q is none of %s, %s and %s", name, fromSignalFx, fromSignalFlow, fromPrometheus), at+".source", at)
	}
	return nil
}

// metric makes a metric of one in the file.
func (l *loader) metric(n int) (metricsync.Metric, pagesink.Chart) {
	m, at := l.doc.Metrics[n], "metrics."+strconv.Itoa(n)
	out := metricsync.Metric{
		ID: m.ID, Name: m.Name, Source: l.source(at, m.Source),
		Query:   metricsync.Query{Text: m.Query, Label: m.Label},
		Reduce:  metricsync.Reduce(m.Reduce),
		Weights: metricsync.Query{Text: m.Weights},
		Window:  m.Window.Duration, Resolution: m.Resolution.Duration,
	}
	for key, d := range map[string]duration{"window": m.Window, "resolution": m.Resolution} {
		if d.set && d.Duration <= 0 {
			l.bad(errors.New("must be more than nothing"), at+"."+key)
		}
	}
	switch m.Reduce {
	case "only":
		out.Reduce = metricsync.Only
	case string(metricsync.Ratio):
		if m.Ratio == nil {
			l.bad(errors.New("is set by ratio: {errors: …, total: …} alone"), at+".reduce")
			out.Reduce = metricsync.Only
		}
	case "":
		if m.Source == fromSignalFx { // the series of a query have no names there, and are many
			out.Reduce = metricsync.Mean
		}
	}
	if r := m.Ratio; r != nil {
		out.Query.Text, out.Total.Text, out.Reduce = r.Errors, r.Total, metricsync.Ratio
		for key, set := range map[string]bool{"query": m.Query != "", "program": m.Program != "", "weights": m.Weights != "", "reduce": m.Reduce != "" && m.Reduce != string(metricsync.Ratio)} {
			if set {
				l.bad(errors.New("is set beside ratio, which says all of it"), at+"."+key)
			}
		}
		out.Weights = metricsync.Query{}
	}
	if m.Source == fromSignalFlow {
		if m.Query != "" {
			l.bad(errors.New("is for other sources: a program is what SignalFlow runs"), at+".query")
		}
		if m.Ratio != nil || m.Weights != "" {
			l.bad(errors.New("is for other sources: compute it in the program"), at+".ratio", at+".weights")
		}
		out.Query.Text = m.Program
	} else {
		if m.Program != "" {
			l.bad(fmt.Errorf("is for source: %s alone", fromSignalFlow), at+".program")
		}
		if m.Label != "" {
			l.bad(fmt.Errorf("is for source: %s alone", fromSignalFlow), at+".label")
		}
	}
	chart := pagesink.Chart{ID: out.Key(), Title: m.Title, Unit: m.Unit, Description: m.Description, Window: cmp.Or(m.Window.Duration, metricsync.DefaultWindow)}
	if out.Reduce == metricsync.Ratio {
		chart.Unit = cmp.Or(chart.Unit, "%")
	}
	if m.Decimals != nil {
		if chart.Decimals = *m.Decimals; *m.Decimals == 0 {
			chart.Decimals = -1
		}
	}
	return out, chart
}

// keys are the settings that the fields of a metric come from.
var keys = map[string][]string{
	"ID": {"metric_id", "metric_name"}, "Name": {"metric_name"}, "Source": {"source"},
	"Query": {"query", "program", "ratio.errors", "ratio"}, "Reduce": {"reduce"},
	"Weights": {"weights", "reduce"}, "Total": {"ratio.total", "ratio"},
	"Window": {"window"}, "Resolution": {"resolution", "window"},
}

// inSettings says the names of fields as the file has them.
var inSettings = strings.NewReplacer("ID is", "metric_id is", "so is Name", "so is metric_name", "Name is set beside ID", "metric_name is set beside metric_id",
	"Query is missing", "query is missing", "Weights is", "weights is", "Total is missing", "ratio.total is missing", "Window", "window", "Resolution", "resolution", "Reduce", "reduce", "Metrics[", "metrics[")

// check has a Syncer look for mistakes. It keeps nothing.
func (l *loader) check(c metricsync.Config) {
	c.Sinks = append(slices.Clone(c.Sinks), nowhere{})
	_, err := metricsync.New(c)
	for _, e := range yamlfile.Flat(err) {
		var wrong *metricsync.MetricError
		if !errors.As(e, &wrong) {
			l.bad(errors.New(inSettings.Replace(strings.TrimPrefix(e.Error(), "metricsync: "))), "metrics")
			continue
		}
		at := "metrics." + strconv.Itoa(wrong.Index)
		for _, e := range yamlfile.Flat(wrong.Err) {
			field, _, _ := strings.Cut(e.Error(), " ")
			field = strings.TrimSuffix(field, ":")
			if field == "Source" {
				continue // told where it was made
			}
			var places []string
			for _, key := range keys[field] {
				places = append(places, at+"."+key)
			}
			l.bad(errors.New(inSettings.Replace(e.Error())), append(places, at)...)
		}
	}
}

// nowhere is a sink for a check.
type nowhere struct{}

func (nowhere) Name() string    { return "" }
func (nowhere) MaxSamples() int { return 1 }
func (nowhere) Survey(context.Context, []metricsync.Target) (metricsync.Survey, error) {
	return metricsync.Survey{}, errors.ErrUnsupported
}

func (nowhere) Send(context.Context, []metricsync.Series) error { return errors.ErrUnsupported }
