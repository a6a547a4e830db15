package pageexport_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageexport"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
	"github.com/routewatch/routewatch/statuspage/s3store"
)

// bucket is one of an S3 server that runs in the process. Unlike one over a file
// system it has services/API and services/API/history.atom side by side, as S3 has.
type bucket struct {
	t       *testing.T
	client  *s3.Client
	where   string // its name for pageexport.Open
	puts    atomic.Int64
	deletes atomic.Int64
	refuse  atomic.Pointer[string] // a method that is answered with 403
}

const bucketName = "status.acme.example"

func newBucket(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{t: t}
	server := gofakes3.New(s3mem.New()).Server()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := b.refuse.Load(); m != nil && r.Method == *m {
			http.Error(w, "<Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
			return
		}
		switch r.Method {
		case http.MethodPut:
			b.puts.Add(1)
		case http.MethodDelete:
			b.deletes.Add(1)
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"),
	} {
		t.Setenv(name, value)
	}
	var err error
	b.client, err = s3store.NewClient(t.Context(), func(o *s3.Options) { o.BaseEndpoint = &srv.URL })
	require.NoError(t, err)
	_, err = b.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucketName)})
	require.NoError(t, err)
	b.puts.Store(0)
	b.where = "s3://" + bucketName + "/?endpoint=" + srv.URL
	return b
}

func (b *bucket) keys() (all []string) {
	b.t.Helper()
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: aws.String(bucketName)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(b.t.Context())
		require.NoError(b.t, err)
		for _, o := range page.Contents {
			all = append(all, *o.Key)
		}
	}
	return all
}

// ServeHTTP answers as S3's website hosting does: a path is a key, and one that
// ends with a slash has the index document behind it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/IndexDocumentSupport.html
func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/")
	if key == "" || strings.HasSuffix(key, "/") {
		key += "index.html"
	}
	o, err := b.client.GetObject(r.Context(), &s3.GetObjectInput{Bucket: aws.String(bucketName), Key: &key})
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer o.Body.Close()
	w.Header().Set("Content-Type", *o.ContentType)
	_, _ = io.Copy(w, o.Body)
}

var names = []string{"API", "a b", "x/y", "ü & <b>", "API/history.atom", "services"}

// acme is a page with incidents of all kinds.
func acme(t *testing.T, site statuspage.Site) *statuspage.Page {
	t.Helper()
	page, err := statuspage.New(t.Context(), statuspage.Config{
		Store: memstore.New(), InsecureWebhook: true, Logger: slog.New(slog.DiscardHandler), Site: site,
	})
	require.NoError(t, err)
	now := time.Now()
	for n, name := range names {
		tell(t, page, opsgenie.EventCreate, fmt.Sprint("id-", n), "the database is on fire", now.AddDate(0, -n, 0), name)
		if n > 0 {
			tell(t, page, opsgenie.EventClose, fmt.Sprint("id-", n), "the database is on fire", now.AddDate(0, -n, 0), name)
		}
	}
	return page
}

func tell(t *testing.T, page *statuspage.Page, action opsgenie.EventAction, id, message string, at time.Time, service string) {
	t.Helper()
	require.NoError(t, page.Apply(t.Context(), opsgenie.Event{Action: action, Alert: opsgenie.EventAlert{
		ID: id, Message: message, Tags: []string{"statuspage", "servicename:" + service, "major"}, CreatedAt: at, UpdatedAt: at,
	}}))
}

func open(t *testing.T, b *bucket, prefix string) pageexport.Target {
	t.Helper()
	target, err := pageexport.Open(t.Context(), strings.Replace(b.where, "/?", "/"+prefix+"?", 1))
	require.NoError(t, err)
	return target
}

var anyLink = regexp.MustCompile(`(?:href|src|data-fragment)="(/[^"#]*)`)

// Every link of the page leads to the same from a bucket that S3 hosts as a
// website, also beneath a base path.
func TestS3_websiteIsThePage(t *testing.T) {
	for _, base := range []string{"", "/status"} {
		t.Run("base "+base, func(t *testing.T) {
			b := newBucket(t)
			site := statuspage.Site{Title: "Acme", BasePath: base, URL: "https://status.acme.example" + base, Maintenance: []statuspage.Maintenance{
				{Title: "Move", Start: time.Now().Add(-2 * time.Hour), End: time.Now().Add(-time.Hour)},
			}}
			page := &still{Page: acme(t, site)}
			_, err := pageexport.NewPublisher(page, site, open(t, b, strings.TrimPrefix(base, "/"))).Publish(t.Context())
			require.NoError(t, err)
			get := func(h http.Handler, path string) (int, string, string) {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://status.acme.example"+path, nil))
				return w.Code, w.Header().Get("Content-Type"), w.Body.String()
			}
			todo := []string{base + "/", base + "/api/services", base + "/api/v2/summary.json", base + "/history.rss", base + "/badge.svg"}
			for _, name := range names {
				if name == "API/history.atom" {
					continue // its page has the address of the feed of API
				}
				escaped := url.PathEscape(name)
				todo = append(todo, base+"/api/services/"+escaped, base+"/api/services/"+escaped+"/incidents", base+"/services/"+escaped+"/badge.json")
			}
			seen := map[string]bool{}
			for len(todo) > 0 {
				path := todo[0]
				todo = todo[1:]
				if seen[path] || strings.Contains(path, "history.atom") && strings.Contains(path, "%2F") {
					continue
				}
				seen[path] = true
				code, kind, body := get(b, path)
				wantCode, wantKind, wantBody := get(page, path)
				require.Equal(t, wantCode, code, path)
				assert.Equal(t, wantKind, kind, path)
				assert.Equal(t, wantBody, body, path)
				if strings.HasPrefix(kind, "text/html") {
					for _, m := range anyLink.FindAllStringSubmatch(body, -1) {
						todo = append(todo, html.UnescapeString(m[1]))
					}
				}
			}
			assert.GreaterOrEqual(t, len(seen), 60)
			assert.True(t, slices.ContainsFunc(b.keys(), func(key string) bool { return strings.HasSuffix(key, "services/API.json") }))
			for _, path := range []string{"/nothing", "/incidents/nothing", "/services/nobody", "/api/services/nobody"} {
				code, _, _ := get(b, base+path)
				assert.Equal(t, http.StatusNotFound, code, path)
			}
		})
	}
}

// still is a page that shows no time but that of its last change.
type still struct {
	*statuspage.Page
	rev  uint64
	kept map[string]*httptest.ResponseRecorder
}

func (s *still) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rev := s.Snapshot().Rev; s.kept == nil || s.rev != rev {
		s.rev, s.kept = rev, map[string]*httptest.ResponseRecorder{}
	}
	was := s.kept[r.URL.EscapedPath()]
	if was == nil {
		was = httptest.NewRecorder()
		s.Page.ServeHTTP(was, r)
		s.kept[r.URL.EscapedPath()] = was
	}
	w.Header().Set("Content-Type", was.Header().Get("Content-Type"))
	w.WriteHeader(was.Code)
	_, _ = w.Write(was.Body.Bytes())
}

func TestS3_onlyWhatChangedIsWritten(t *testing.T) {
	b := newBucket(t)
	site := statuspage.Site{URL: "https://status.acme.example"}
	page := &still{Page: acme(t, site)}
	publish := func() (written int) {
		t.Helper()
		// Another process each time: nothing but the bucket says what is there.
		b.puts.Store(0)
		written, err := pageexport.NewPublisher(page, site, open(t, b, "")).Publish(t.Context())
		require.NoError(t, err)
		assert.Equal(t, int64(written), b.puts.Load())
		return written
	}
	first := publish()
	assert.Len(t, b.keys(), first)
	assert.Zero(t, publish())

	tell(t, page.Page, opsgenie.EventClose, "id-0", "the database is on fire", time.Now(), "API")
	changed := publish()
	assert.Positive(t, changed)
	assert.Less(t, changed, first)
	for _, key := range b.keys() { // somebody else tidied up
		if strings.HasPrefix(key, "services/") {
			_, err := b.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucketName), Key: &key})
			require.NoError(t, err)
		}
	}
	publish()
	assert.Len(t, b.keys(), first)
}

// What was taken back is not left in the bucket; what has only grown old, or is
// another's, is.
func TestS3_whatWasTakenBackIsDeleted(t *testing.T) {
	b := newBucket(t)
	site := statuspage.Site{URL: "https://status.acme.example"}
	page := acme(t, site)
	_, err := b.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucketName), Key: aws.String("incidents/of-old"), Body: strings.NewReader("x")})
	require.NoError(t, err)
	p := pageexport.NewPublisher(page, site, open(t, b, ""))
	_, err = p.Publish(t.Context())
	require.NoError(t, err)
	month := "history/" + time.Now().AddDate(0, -3, 0).UTC().Format("2006-01")
	before := b.keys()
	for _, key := range []string{"incidents/id-3", "fragment/incidents/id-3", month} {
		require.Contains(t, before, key)
	}
	known, err := page.Hide(t.Context(), "id-3")
	require.NoError(t, err)
	require.True(t, known)
	denied := http.MethodDelete
	b.refuse.Store(&denied)
	_, err = p.Publish(t.Context())
	require.ErrorContains(t, err, "deleting incidents/id-3", "it is told until it is done")
	assert.NotContains(t, get(t, b, "/services/"+url.PathEscape(names[3])), "the database is on fire", "what can be done is done")
	b.refuse.Store(nil)
	_, err = p.Publish(t.Context())
	require.NoError(t, err)
	want := slices.DeleteFunc(before, func(key string) bool {
		return slices.Contains([]string{"incidents/id-3", "fragment/incidents/id-3", month}, key)
	})
	assert.Equal(t, want, b.keys())
	for _, key := range b.keys() {
		assert.NotContains(t, get(t, b, (&url.URL{Path: "/" + key}).EscapedPath()), "id-3", key)
	}
	deletes := b.deletes.Load()
	_, err = p.Publish(t.Context())
	require.NoError(t, err)
	assert.Equal(t, deletes, b.deletes.Load(), "once is enough")
}

func get(t *testing.T, h http.Handler, path string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Body.String()
}

// Who may write but not look writes what has changed since it last did.
func TestS3_withoutTheRightToList(t *testing.T) {
	b := newBucket(t)
	site := statuspage.Site{URL: "https://status.acme.example"}
	page := acme(t, site)
	p := pageexport.NewPublisher(page, site, open(t, b, ""))
	first, err := p.Publish(t.Context())
	require.NoError(t, err)
	denied := http.MethodGet
	b.refuse.Store(&denied)
	tell(t, page, opsgenie.EventClose, "id-0", "the database is on fire", time.Now(), "API")
	n, err := p.Publish(t.Context())
	require.NoError(t, err)
	assert.Positive(t, n)
	assert.Less(t, n, first)
}

// A bucket that refuses is told with the object, and stops after a few.
func TestS3_refused(t *testing.T) {
	b := newBucket(t)
	denied := http.MethodPut
	b.refuse.Store(&denied)
	n, err := pageexport.NewPublisher(newSite("", "API"), statuspage.Site{}, open(t, b, "")).Publish(t.Context())
	require.ErrorContains(t, err, "AccessDenied")
	assert.Zero(t, n)
	assert.LessOrEqual(t, strings.Count(err.Error(), "AccessDenied"), 12)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = pageexport.NewPublisher(newSite("", "API"), statuspage.Site{}, open(t, b, "")).Publish(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}
