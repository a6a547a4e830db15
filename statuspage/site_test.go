package statuspage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

const testKey = "correct-horse-battery-staple"

// site is a page with its handlers, and a store that can be made to fail.
type site struct {
	t       *testing.T
	page    *statuspage.Page
	webhook http.Handler
	api     http.Handler
	store   *failingStore
	sets    int // how often set was called
}

type failingStore struct {
	statuspage.Store
	failing atomic.Bool
}

func (s *failingStore) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	if s.failing.Load() {
		return errors.New("the disk is full at /secret/path")
	}
	return s.Store.Update(ctx, key, change)
}

func newSite(t *testing.T, change ...func(*statuspage.Config)) *site {
	t.Helper()
	store := &failingStore{Store: memstore.New()}
	cfg := statuspage.Config{
		Store: store, WebhookKeys: []string{testKey}, Logger: slog.New(slog.DiscardHandler),
		Site: statuspage.Site{Title: "Acme", URL: "https://status.acme.example"},
	}
	for _, c := range change {
		c(&cfg)
	}
	page, err := statuspage.New(t.Context(), cfg)
	require.NoError(t, err)
	return &site{t: t, page: page, webhook: page.Webhook(), api: page.API(), store: store}
}

// alert is what an event says.
type alert struct {
	action, id, message, note string
	tags                      []string
	created, updated          time.Time
}

func (a alert) body(t *testing.T) string {
	t.Helper()
	b, err := io.ReadAll(alertBody(a))
	require.NoError(t, err)
	return string(b)
}

// alertBody is the event as it is sent.
func alertBody(a alert) io.Reader {
	if a.created.IsZero() {
		a.created = a.updated
	}
	fields := map[string]any{
		"alertId": a.id, "message": a.message, "createdAt": a.created.UnixMilli(), "updatedAt": a.updated.UnixMilli(),
	}
	if a.tags != nil {
		fields["tags"] = a.tags
	}
	if a.note != "" {
		fields["note"] = a.note
	}
	body, err := json.Marshal(map[string]any{"action": a.action, "alert": fields})
	if err != nil {
		panic(err) // text and times
	}
	return bytes.NewReader(body)
}

// tell sends an event, with the right key, and wants it stored.
func (s *site) tell(a alert) {
	s.t.Helper()
	w := s.post(s.webhook, "/webhook", a.body(s.t), "X-Api-Key", testKey)
	require.Equal(s.t, http.StatusOK, w.Code, w.Body)
}

// post sends a body with headers given as name, value, name, value.
func (s *site) post(h http.Handler, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, path, strings.NewReader(body))
	return do(h, r, headers...)
}

func (s *site) get(path string, headers ...string) *httptest.ResponseRecorder {
	return do(s.api, httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, path, nil), headers...)
}

func do(h http.Handler, r *http.Request, headers ...string) *httptest.ResponseRecorder {
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// getJSON wants a 200 and decodes it.
func (s *site) getJSON(path string, into any) {
	s.t.Helper()
	w := s.get(path)
	require.Equal(s.t, http.StatusOK, w.Code, "%s: %s", path, w.Body)
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), into), path)
}

// serve starts a real server for h, which ends with the test.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func tags(severity string, services ...string) []string {
	out := []string{"statuspage"}
	for _, s := range services {
		out = append(out, "servicename:"+s)
	}
	if severity != "" {
		out = append(out, severity)
	}
	return out
}

func named(id string, n int) string { return fmt.Sprintf("%s-%04d", id, n) }

// escapeName is a name as a segment of a path.
func escapeName(name string) string { return strings.ReplaceAll(url.PathEscape(name), ".", "%2E") }

// luminance is the relative luminance of a colour as WCAG 2 has it.
func luminance(rgb uint32) float64 {
	channel := func(c uint32) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(rgb>>16) + 0.7152*channel(rgb>>8) + 0.0722*channel(rgb)
}

// exactly wants a body to be this, to the byte, with a line's end.
func exactly(t *testing.T, want, got string) {
	t.Helper()
	assert.Equal(t, want+"\n", got)
}
