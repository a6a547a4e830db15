package statuspage

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Site is what a page looks like and says. The zero value is a plain page.
type Site struct {
	// Title is the page's name. Defaults to "Status".
	Title string `yaml:"title"`
	// BasePath is where the page is mounted, such as "/status". Defaults to "/".
	BasePath string `yaml:"base_path"`
	// URL is the address of the page for those outside, base path included, for
	// feeds and badges, such as "https://status.example.com". Defaults to what a
	// request asks for.
	URL string `yaml:"url"`

	// Logo stands before the title: the name of an SVG, PNG, JPEG or WebP file,
	// or an https address. Defaults to none.
	Logo string `yaml:"logo"`
	// Colours replaces colours of the page, as "#rgb" or "#rrggbb". The keys are
	// green, major, critical, maintenance, unknown, text, muted, line, surface,
	// background and accent, for dark screens with "-dark" behind.
	Colours map[string]string `yaml:"colours"`
	// Links stand at the top, in this order.
	Links []Link `yaml:"links"`
	// Groups are the services in the order in which they are shown. Services in
	// none of them come last. Defaults to all services, by name.
	Groups []Group `yaml:"groups"`

	// Lang is the language of the page, for screen readers and for how times
	// are written, such as "de". Defaults to "en".
	Lang string `yaml:"lang"`
	// Words replaces texts of the page; DefaultWords has the keys. In a text,
	// "{}" is where a name or a number goes.
	Words map[string]string `yaml:"words"`

	// Maintenance is the work that is planned, under way or done.
	Maintenance []Maintenance `yaml:"maintenance"`

	// EmbedIn are the sites that may show /embed in a frame, such as
	// "https://app.example.com"; "*" is every site. Defaults to none, and then
	// there is no /embed.
	EmbedIn []string `yaml:"embed_in"`
	// NoIndex asks search engines to leave the page out.
	NoIndex bool `yaml:"no_index"`
}

// Link leads to another page.
type Link struct {
	Text string `yaml:"text"`
	URL  string `yaml:"url"` // https, http, mailto, or a path
}

// Group is services under one heading, which has the worst of their states.
type Group struct {
	Name     string   `yaml:"name"`
	Services []string `yaml:"services"`
	// Closed hides the services behind the heading as long as all are well.
	Closed bool `yaml:"closed"`
}

var (
	colourForm = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)
	pathForm   = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)
	langForm   = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)
	colourKeys = []string{
		"green", "major", "critical", "maintenance", "unknown",
		"text", "muted", "line", "surface", "background", "accent",
	}
)

// settle fills in what is not set, and returns what is wrong, each with the
// name of its field.
func (s *Site) settle() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("statuspage: Site."+format, args...)) }
	if s.Title == "" {
		s.Title = "Status"
	}
	if s.Lang == "" {
		s.Lang = "en"
	}
	s.BasePath = strings.TrimRight(s.BasePath, "/")
	if !pathForm.MatchString(s.BasePath) || s.BasePath != "" && path.Clean(s.BasePath) != s.BasePath {
		bad("BasePath %q is no path such as /status", s.BasePath)
	}
	if s.URL = strings.TrimRight(s.URL, "/"); s.URL != "" {
		if u, err := url.Parse(s.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" ||
			u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			bad("URL %q is no address such as https://status.example.com", s.URL)
		} else if !strings.HasSuffix(u.Path, s.BasePath) {
			bad("URL %q does not end in the base path %q, below which the page is", s.URL, s.BasePath)
		}
	}
	if !langForm.MatchString(s.Lang) {
		bad("Lang %q is no language such as en", s.Lang)
	}
	for key, value := range s.Colours {
		if !slices.Contains(colourKeys, strings.TrimSuffix(key, "-dark")) {
			bad("Colours has no %q; it has %s, and each with -dark behind", key, strings.Join(colourKeys, ", "))
		}
		if !colourForm.MatchString(value) {
			bad("Colours[%s] %q is no colour such as #1a7f37", key, value)
		}
	}
	for n, l := range s.Links {
		u, err := url.Parse(l.URL)
		if err != nil || l.URL == "" || l.Text == "" || !slices.Contains([]string{"", "http", "https", "mailto"}, u.Scheme) {
			bad("Links[%d] needs a text, and an address that is https, http, mailto or a path", n)
		}
	}
	for n, g := range s.Groups {
		switch {
		case g.Name == "":
			bad("Groups[%d] has no name", n)
		case slices.ContainsFunc(s.Groups[:n], func(o Group) bool { return o.Name == g.Name }):
			bad("Groups[%d] has the name %q of another", n, g.Name)
		}
	}
	for key := range s.Words {
		if _, ok := DefaultWords[key]; !ok {
			bad("Words has no %q; DefaultWords has the keys", key)
		}
	}
	for n, origin := range s.EmbedIn {
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" ||
			origin != u.Scheme+"://"+u.Host || strings.ContainsAny(origin, "; ,'\"")) {
			bad("EmbedIn[%d] %q is no site such as https://app.example.com", n, origin)
		}
	}
	s.Maintenance = slices.Clone(s.Maintenance)
	return append(errs, settleMaintenance(s.Maintenance)...)
}
