// Package pageexport writes a status page and its API as files, so that a web
// server or a bucket serves them without this program.
package pageexport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/routewatch/routewatch/statuspage"
)

// File is an answer of the page.
type File struct {
	// Path is that of the request, unescaped, without the base path and the
	// slash at its beginning. "" is the page itself.
	Path string
	Type string // Content-Type
	Body []byte
}

// fixed are the paths that no link leads to, beside those of services.
var fixed = []string{
	"/", "/api/services", "/api/metrics.json",
	"/api/v2/summary.json", "/api/v2/status.json", "/api/v2/components.json",
	"/api/v2/incidents.json", "/api/v2/incidents/unresolved.json",
	"/api/v2/scheduled-maintenances.json", "/api/v2/scheduled-maintenances/upcoming.json", "/api/v2/scheduled-maintenances/active.json",
	"/history.atom", "/history.rss", "/history.json", "/badge.svg", "/badge.json",
}

// ofService are the paths of a service, with its escaped name for %s.
var ofService = []string{
	"/services/%s", "/api/services/%s", "/api/services/%s/incidents?limit=100",
	"/services/%s/history.atom", "/services/%s/history.rss", "/services/%s/history.json",
	"/services/%s/badge.svg", "/services/%s/badge.json",
}

const htmlType = "text/html; charset=utf-8"

// pagesOf are the paths of the pages that show an incident, and maybe nothing else.
func pagesOf(i *statuspage.Incident) (paths []string) {
	for _, p := range []string{"incidents/" + i.ID, "fragment/incidents/" + i.ID, "history/" + i.CreatedAt.UTC().Format("2006-01")} {
		if p = strings.Trim(p, "/"); fitsDisk(p) {
			paths = append(paths, p)
		}
	}
	return paths
}

// live are the paths that links may lead to and that no file can stand for.
var live = []string{"/events", "/metrics", "/webhook", "/healthz", "/readyz"}

// Collect asks h for everything that it shows: all that is known to be there,
// and all that its pages link to. Links outside the base path are left alone.
// One answer other than 200 fails it, so that half a page never replaces a whole
// one; what a page links to and is not there is left out.
func Collect(ctx context.Context, h http.Handler, site statuspage.Site, snap *statuspage.Snapshot) ([]File, error) {
	c := &crawl{ctx: ctx, handler: h, base: strings.TrimRight(site.BasePath, "/"), host: hostOf(site.URL), seen: map[string]bool{}, isFile: map[string]bool{}, isDir: map[string]bool{}}
	for _, p := range fixed {
		c.add(p, true)
	}
	for _, r := range snap.Services {
		for _, p := range ofService {
			c.add(strings.Replace(p, "%s", url.PathEscape(r.Name), 1), true)
		}
	}
	for _, m := range snap.Charts {
		c.add("/api/metrics/"+url.PathEscape(m.ID)+".json", false) // one of which nothing comes is not there
	}
	for len(c.queue) > 0 {
		next := c.queue[0]
		c.queue = c.queue[1:]
		if err := c.visit(next); err != nil {
			return nil, err
		}
	}
	for _, r := range snap.Services {
		c.reference(r.Name)
	}
	return c.files, nil
}

type crawl struct {
	ctx     context.Context
	handler http.Handler
	base    string
	host    string
	queue   []target
	seen    map[string]bool
	files   []File

	isFile, isDir map[string]bool // of a folder with the files
}

type target struct {
	path string // escaped, without the base path, with its query
	must bool
}

func (c *crawl) add(p string, must bool) {
	key, _, _ := strings.Cut(p, "?")
	if c.seen[key] || slices.Contains(live, key) {
		return
	}
	c.seen[key] = true
	c.queue = append(c.queue, target{p, must})
}

func (c *crawl) visit(t target) error {
	u, err := url.Parse("http://" + c.host + c.base + t.path)
	if err != nil {
		return nil // a link that no browser could follow
	}
	name := strings.Trim(strings.TrimPrefix(u.Path, c.base), "/")
	if name != "" && !fitsDisk(name) {
		return nil
	}
	req, err := http.NewRequestWithContext(c.ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	req.RequestURI, req.RemoteAddr = u.RequestURI(), "127.0.0.1:0"
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	c.handler.ServeHTTP(w, req)
	switch {
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case w.status != http.StatusOK && t.must:
		return fmt.Errorf("%s: the page answers %d", u.Path, w.status)
	case w.status != http.StatusOK:
		return nil
	}
	kind := w.header.Get("Content-Type")
	c.keep(File{Path: name, Type: kind, Body: bytes.Clone(w.body.Bytes())})
	if media, _, _ := mime.ParseMediaType(kind); media == "text/html" {
		c.follow(u, w.body.Bytes())
	}
	return nil
}

// fitsDisk reports whether a disk can hold a file of that path: none can of a service
// that is called "..", whose page no browser can ask for either.
func fitsDisk(name string) bool {
	long := func(element string) bool { return len(element) > 255-len(".json") }
	return fs.ValidPath(name) && !strings.ContainsRune(name, 0) && !slices.ContainsFunc(strings.Split(name, "/"), long)
}

// reference adds services/NAME.json, where the Status Page Reference has it.
func (c *crawl) reference(service string) {
	i := slices.IndexFunc(c.files, func(f File) bool { return f.Path == "api/services/"+service })
	if i >= 0 {
		c.keep(File{Path: "services/" + service + ".json", Type: c.files[i].Type, Body: c.files[i].Body})
	}
}

// keep adds a file, unless it is in the way of one that is there already: a
// service may be called API/badge.svg.
func (c *crawl) keep(f File) {
	name := inFolder(f)
	if c.isDir[name] || c.isFile[name] {
		return
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if c.isFile[dir] {
			return
		}
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		c.isDir[dir] = true
	}
	c.isFile[name] = true
	c.files = append(c.files, f)
}

var link = regexp.MustCompile(`\b(?:href|src|data-fragment)=["']?([^"'\s>]+)`)

// follow adds what a page links to.
func (c *crawl) follow(from *url.URL, body []byte) {
	for _, m := range link.FindAllSubmatch(body, -1) {
		u, err := from.Parse(html.UnescapeString(string(m[1])))
		if err != nil || u.Host != from.Host || u.Scheme != from.Scheme {
			continue
		}
		rest, ok := strings.CutPrefix(u.EscapedPath(), c.base)
		if ok && strings.HasPrefix(rest, "/") {
			c.add(rest, false)
		}
	}
}

// hostOf is the host of the page's address. Without one, feeds name localhost.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return "localhost"
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.wrote = true
	return r.body.Write(p)
}

// inFolder is the path of a file in a folder, where a path that is a page must
// also be able to have others beneath it: services/API is services/API/index.html.
func inFolder(f File) string {
	media, _, _ := mime.ParseMediaType(f.Type)
	switch {
	case media == "text/html":
		return path.Join(f.Path, "index.html")
	case f.Path == "api/services", strings.HasPrefix(f.Path, "api/services/"):
		return path.Join(f.Path, "index.json")
	}
	return f.Path
}

// inBucket is the key of a file in a bucket, where no key is in another's way.
func inBucket(f File) string {
	if f.Path == "" {
		return "index.html"
	}
	return f.Path
}

var errNoTarget = errors.New("want a folder, or s3://bucket/prefix")
