package pageexport_test

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageexport"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

// site answers as a page does, and can be told to fail and to change.
type site struct {
	base     string
	services []string

	mu      sync.Mutex
	text    string
	broken  string // a path that is answered with 500
	asked   map[string]int
	changed chan struct{}
}

func newSite(base string, services ...string) *site {
	return &site{base: base, services: services, text: "green", asked: map[string]int{}, changed: make(chan struct{})}
}

func (s *site) Changes() (*statuspage.Snapshot, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := &statuspage.Snapshot{}
	for _, name := range s.services {
		snap.Services = append(snap.Services, &statuspage.Record{Name: name})
	}
	for _, id := range []string{"latency", "a/b"} {
		snap.Charts = append(snap.Charts, &statuspage.Chart{ID: id})
	}
	return snap, s.changed
}

func (s *site) change(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *site) fail(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = path
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := strings.TrimPrefix(r.URL.EscapedPath(), s.base)
	s.asked[p]++
	switch {
	case p == s.broken:
		w.WriteHeader(http.StatusInternalServerError)
	case p == "/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<link href="%[1]s/page.css"><a href="%[1]s/incidents/1?x=1#y">i</a><a href='x'></a>
			<a href="https://example.com/away"></a><a href="//example.com/away"></a><a href="/elsewhere"></a>
			<a href="%[1]s/gone"></a><a href="%[1]s/metrics/latency"><main data-fragment="%[1]s/fragment.css"><a href="%[1]s/events"></a>%s`, s.base, s.text)
	case p == "/gone", p == "/api/metrics/a%2Fb.json":
		w.WriteHeader(http.StatusNotFound)
	case p == "/incidents/1" || p == "/metrics/latency" || strings.HasPrefix(p, "/services/") && strings.Count(p, "/") == 2:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<p>", p)
	case strings.HasPrefix(p, "/api/"):
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"state":%q}`, s.text)
	case strings.HasSuffix(p, ".css"):
		w.Header().Set("Content-Type", "text/css")
		fmt.Fprint(w, "p{}")
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		fmt.Fprint(w, p)
	}
}

// memory is a target that keeps what was put.
type memory struct {
	mu    sync.Mutex
	files map[string]string
	order []string
	err   error
}

func (m *memory) String() string { return "memory" }

func (m *memory) Put(_ context.Context, f pageexport.File) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if m.files == nil {
		m.files = map[string]string{}
	}
	m.files[f.Path] = string(f.Body)
	m.order = append(m.order, f.Path)
	return nil
}

func (m *memory) Delete(_ context.Context, f pageexport.File) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	delete(m.files, f.Path)
	return nil
}

func (m *memory) setErr(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) file(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.files[name]
}

func (m *memory) puts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.order)
}

func TestAFolderHasTheWholePage(t *testing.T) {
	for _, base := range []string{"", "/status"} {
		dir := filepath.Join(t.TempDir(), "out")
		target, err := pageexport.Open(t.Context(), dir)
		require.NoError(t, err)
		page := newSite(base, "API", "a b", "API/badge.svg", "API/incidents", "x/y", "..", "ü", "api.json")
		site := statuspage.Site{BasePath: base, URL: "https://status.example.com" + base}
		n, err := pageexport.NewPublisher(page, site, target).Publish(t.Context())
		require.NoError(t, err)

		var got []string
		require.NoError(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				rel, _ := filepath.Rel(dir, p)
				got = append(got, filepath.ToSlash(rel))
			}
			return err
		}))
		assert.Len(t, got, n, "nothing is left over of writing")
		for _, want := range []string{
			"index.html", "page.css", "fragment.css", "incidents/1/index.html", "badge.svg", "history.atom",
			"api/v2/summary.json", "api/services/index.json", "api/services/API/index.json", "api/services/API/incidents/index.json",
			"services/API/index.html", "services/API/badge.svg", "services/API.json",
			"api/metrics.json", "api/metrics/latency.json", "metrics/latency/index.html",
			"services/a b/index.html", "services/x/y/index.html", "services/ü/index.html", "services/api.json/index.html",
		} {
			assert.Contains(t, got, want)
		}
		for _, not := range []string{"events", "gone", "away", "api/metrics/a/b.json"} {
			assert.NotContains(t, got, not)
		}
		assert.Equal(t, base == "", slices.Contains(got, "elsewhere"), "only below the base path")
		assert.FileExists(t, filepath.Join(dir, "services", "API", "badge.svg"), "that of the service API, not a page of API/badge.svg")
		reference, err := os.ReadFile(filepath.Join(dir, "services", "API.json"))
		require.NoError(t, err)
		assert.JSONEq(t, `{"state":"green"}`, string(reference))
		for name, n := range page.asked {
			assert.Equal(t, 1, n, name)
		}
		assert.NoFileExists(t, filepath.Join(filepath.Dir(dir), "index.html"))
	}
}

// What no file can be called is left out, and keeps nothing else from being written.
func TestNamesThatNoFileCanHave(t *testing.T) {
	long := strings.Repeat("x", 251)
	for _, name := range []string{".", "..", "a/../b", "a//b", "a\x00b", long} {
		t.Run(name[:min(len(name), 9)], func(t *testing.T) {
			dir := t.TempDir()
			target, err := pageexport.Open(t.Context(), dir)
			require.NoError(t, err)
			page := acme(t, statuspage.Site{})
			tell(t, page, opsgenie.EventCreate, name, "slow", time.Now(), name)
			p := pageexport.NewPublisher(page, statuspage.Site{}, target)
			_, err = p.Publish(t.Context())
			require.NoError(t, err)
			assert.FileExists(t, filepath.Join(dir, "index.html"))
			assert.FileExists(t, filepath.Join(dir, "services", "API.json"))
			assert.FileExists(t, filepath.Join(dir, "incidents", "id-1", "index.html"))
		})
	}
}

func TestHalfAPageIsNotWritten(t *testing.T) {
	target := &memory{}
	page := newSite("", "API")
	p := pageexport.NewPublisher(page, statuspage.Site{}, target)
	for _, path := range []string{"/", "/api/v2/summary.json", "/services/API/badge.svg"} {
		page.fail(path)
		_, err := p.Publish(t.Context())
		require.ErrorContains(t, err, path+": the page answers 500")
		assert.Zero(t, target.puts())
	}
	assert.Equal(t, uint64(3), p.Stats().Failed)
	page.fail("")
	_, err := p.Publish(t.Context())
	require.NoError(t, err)
	assert.Empty(t, target.order[len(target.order)-1], "the page itself comes last")
	assert.Equal(t, 1, slices.Index(slices.Compact(slices.Clone(target.order[len(target.order)-2:])), ""))
}

func TestOnlyWhatChangedIsWritten(t *testing.T) {
	target := &memory{}
	page := newSite("", "API")
	p := pageexport.NewPublisher(page, statuspage.Site{}, target)
	first, err := p.Publish(t.Context())
	require.NoError(t, err)
	assert.Greater(t, first, 20)
	again, err := p.Publish(t.Context())
	require.NoError(t, err)
	assert.Zero(t, again)

	page.change("critical")
	target.setErr(errors.New("no bucket"))
	_, err = p.Publish(t.Context())
	require.ErrorContains(t, err, "no bucket")
	target.setErr(nil)
	n, err := p.Publish(t.Context())
	require.NoError(t, err)
	assert.Less(t, n, first)
	assert.Contains(t, target.file(""), "critical")
	assert.Contains(t, target.file("api/services/API"), "critical")
}

func TestRunKeepsFilesCurrentAndOutlivesAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &memory{err: errors.New("no bucket")}
		page := newSite("", "API")
		p := pageexport.NewPublisher(page, statuspage.Site{}, target)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); p.Run(ctx, slog.New(slog.DiscardHandler)) }()
		synctest.Wait()
		assert.Equal(t, uint64(1), p.Stats().Failed)

		target.setErr(nil)
		time.Sleep(11 * time.Second)
		assert.Contains(t, target.file(""), "green")

		page.change("major")
		time.Sleep(time.Second)
		assert.Contains(t, target.file(""), "major")

		rounds := p.Stats().Done
		time.Sleep(10 * time.Minute)
		assert.InDelta(t, 10, p.Stats().Done-rounds, 1)
		assert.False(t, p.Stats().Last.IsZero())

		page.change("critical")
		stop()
		<-done
		assert.Contains(t, target.file(""), "critical", "the last change is written before it ends")
	})
}

func TestWrongTargets(t *testing.T) {
	for _, where := range []string{"", "file:", "https://example.com", "s3://", "s3:///x", "s3://key:secret@bucket/x", "s3://bucket/x?acl=public"} {
		_, err := pageexport.Open(t.Context(), where)
		assert.Error(t, err, where)
		assert.NotContains(t, fmt.Sprint(err), "secret")
	}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := pageexport.Open(t.Context(), file)
	assert.Error(t, err)
}

func TestABucketHasTheKeysThatWebsiteHostingLooksFor(t *testing.T) {
	var mu sync.Mutex
	put := map[string]http.Header{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		put[r.Method+" "+r.URL.Path] = r.Header
	}))
	t.Cleanup(srv.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	target, err := pageexport.Open(t.Context(), "s3://acme/status/?endpoint="+srv.URL)
	require.NoError(t, err)
	assert.Equal(t, "s3://acme/status/", target.String())

	_, err = pageexport.NewPublisher(newSite("", "API", "a b"), statuspage.Site{}, target).Publish(t.Context())
	require.NoError(t, err)
	for _, key := range []string{"index.html", "services/API", "services/API.json", "api/services", "api/services/API", "services/a b"} {
		assert.Contains(t, put, "PUT /acme/status/"+key)
	}
	h := put["PUT /acme/status/services/API"]
	assert.Equal(t, "text/html; charset=utf-8", h.Get("Content-Type"))
	assert.Equal(t, "public, max-age=15, stale-if-error=600", h.Get("Cache-Control"))
	assert.Empty(t, h.Get("X-Amz-Acl"), "buckets of today refuse it")
}

// Of two that write to one bucket, what one put is not what is there for ever.
func TestABucketIsMendedWhateverOthersDid(t *testing.T) {
	var mu sync.Mutex
	objects := map[string][]byte{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodGet {
			fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
			for key, body := range objects {
				fmt.Fprintf(w, "<Contents><Key>%s</Key><ETag>&quot;%x&quot;</ETag></Contents>", html.EscapeString(key), md5.Sum(body))
			}
			fmt.Fprint(w, "</ListBucketResult>")
			return
		}
		objects[strings.TrimPrefix(r.URL.Path, "/acme/")], _ = io.ReadAll(r.Body)
	}))
	t.Cleanup(srv.Close)
	t.Setenv("AWS_ENDPOINT_URL", srv.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	target, err := pageexport.Open(t.Context(), "s3://acme/status")
	require.NoError(t, err)
	page := newSite("", "API", "a b")
	p := pageexport.NewPublisher(page, statuspage.Site{}, target)
	first, err := p.Publish(t.Context())
	require.NoError(t, err)
	assert.Greater(t, first, 20)
	n, err := p.Publish(t.Context())
	require.NoError(t, err)
	assert.Zero(t, n, "nothing changed")

	mu.Lock()
	want := objects["status/index.html"]
	objects["status/index.html"] = []byte("what another one knew an hour ago")
	delete(objects, "status/services/a b")
	mu.Unlock()
	n, err = p.Publish(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, string(want), string(objects["status/index.html"]))
	assert.Contains(t, objects, "status/services/a b")
}

// A folder loses the page of an incident that was taken back, and of its month
// where that has no other.
func TestAFolderLosesWhatWasTakenBack(t *testing.T) {
	dir := t.TempDir()
	target, err := pageexport.Open(t.Context(), dir)
	require.NoError(t, err)
	page := acme(t, statuspage.Site{})
	older := time.Now().AddDate(0, -1, 0)
	tell(t, page, opsgenie.EventCreate, "beside", "slow", older, "API")
	publish := func() {
		t.Helper()
		_, err := pageexport.NewPublisher(page, statuspage.Site{}, target).Publish(t.Context())
		require.NoError(t, err)
	}
	publish()
	month := filepath.Join(dir, "history", older.UTC().Format("2006-01"))
	for _, id := range []string{"id-1", "beside"} {
		require.DirExists(t, filepath.Join(dir, "incidents", id))
		require.DirExists(t, filepath.Join(dir, "fragment", "incidents", id))
		_, err = page.Hide(t.Context(), id)
		require.NoError(t, err)
		require.FileExists(t, filepath.Join(month, "index.html"))
		publish()
		assert.NoDirExists(t, filepath.Join(dir, "incidents", id))
		assert.NoDirExists(t, filepath.Join(dir, "fragment", "incidents", id))
	}
	assert.NoDirExists(t, month)
	assert.DirExists(t, filepath.Join(dir, "incidents", "id-2"))
	publish()
}

// A month that had lost its only incident may get another, and lose that too.
func TestAMonthComesBack(t *testing.T) {
	target := &memory{}
	page := acme(t, statuspage.Site{})
	p := pageexport.NewPublisher(page, statuspage.Site{}, target)
	older := time.Now().AddDate(0, -9, 0)
	month := "history/" + older.UTC().Format("2006-01")
	for _, id := range []string{"x", "y"} {
		tell(t, page, opsgenie.EventCreate, id, "slow", older, "API")
		_, err := p.Publish(t.Context())
		require.NoError(t, err)
		assert.Contains(t, target.file(month), "slow")
		_, err = page.Hide(t.Context(), id)
		require.NoError(t, err)
		_, err = p.Publish(t.Context())
		require.NoError(t, err)
		assert.Empty(t, target.file(month))
	}
}
