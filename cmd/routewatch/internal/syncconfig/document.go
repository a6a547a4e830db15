package syncconfig

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// document is what the file may hold.
type document struct {
	Statuspage *struct {
		PageID    string `yaml:"page_id"`
		APIURL    string `yaml:"api_url"`
		MaxPoints int    `yaml:"max_points"`
	} `yaml:"statuspage"`
	Page *struct {
		Store string `yaml:"store"`
	} `yaml:"page"`

	SignalFx struct {
		Realm     string   `yaml:"realm"`
		APIURL    string   `yaml:"api_url"`
		StreamURL string   `yaml:"stream_url"`
		MaxDelay  duration `yaml:"max_delay"`
	} `yaml:"signalfx"`
	Prometheus struct {
		URL          string            `yaml:"url"`
		User         string            `yaml:"user"`
		Headers      map[string]string `yaml:"headers"`
		MaxPoints    int               `yaml:"max_points"`
		AllowPartial bool              `yaml:"allow_partial"`
	} `yaml:"prometheus"`

	State   string   `yaml:"state"`
	Settle  duration `yaml:"settle"`
	Overlap duration `yaml:"overlap"`

	Metrics []metric `yaml:"metrics"`
}

// metric is one of document.Metrics.
type metric struct {
	ID   string `yaml:"metric_id"`
	Name string `yaml:"metric_name"`

	Source     string   `yaml:"source"`
	Query      string   `yaml:"query"`
	Program    string   `yaml:"program"`
	Label      string   `yaml:"label"`
	Reduce     string   `yaml:"reduce"`
	Weights    string   `yaml:"weights"`
	Ratio      *ratio   `yaml:"ratio"`
	Window     duration `yaml:"window"`
	Resolution duration `yaml:"resolution"`

	// How it looks on a page of routewatch.
	Title       string `yaml:"title"`
	Unit        string `yaml:"unit"`
	Decimals    *int   `yaml:"decimals"`
	Description string `yaml:"description"`
}

type ratio struct {
	Errors string `yaml:"errors"`
	Total  string `yaml:"total"`
}

// duration is one that may also be in days.
type duration struct {
	time.Duration
	set bool
}

// UnmarshalYAML reads a duration. Its mistake is one beside others of the file.
func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := ParseDuration(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %q is no duration such as 5m or 90s", n.Line, n.Value)}}
	}
	d.Duration, d.set = v, true
	return nil
}

// ParseDuration is time.ParseDuration with days, as in 28d.
func ParseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || n > 100_000 || n < -100_000 || n != n {
			return 0, fmt.Errorf("%q is no duration such as 28d, 36h or 90m", s)
		}
		return time.Duration(n * float64(24*time.Hour)), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration such as 28d, 36h or 90m", s)
	}
	return d, nil
}
