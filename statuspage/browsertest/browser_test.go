package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

// browser is one Chromium for all tests. Each has a tab of its own.
var browser context.Context

func TestMain(m *testing.M) {
	os.Exit(func() int {
		path := os.Getenv("CHROMIUM")
		for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
			if path == "" {
				path, _ = exec.LookPath(name)
			}
		}
		if path == "" {
			fmt.Fprintln(os.Stderr, "there is no Chromium to test in: sudo apt-get install chromium, or name one in CHROMIUM")
			return 1
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("lang", "en-GB"))
		if os.Getuid() == 0 {
			options = append(options, chromedp.NoSandbox) // which Chromium refuses root
		}
		allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
		defer stop()
		var end context.CancelFunc
		browser, end = chromedp.NewContext(allocator)
		defer end()
		if err := chromedp.Do(browser); err != nil {
			fmt.Fprintln(os.Stderr, "Chromium does not start:", err)
			return 1
		}
		return m.Run()
	}())
}

// tab is an open page of the browser.
type tab struct {
	testing.TB
	ctx context.Context
}

// newTab opens a tab that keeps what its pages were refused by their policy.
func newTab(t testing.TB, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, end := chromedp.NewContext(browser, options...)
	t.Cleanup(end)
	b := &tab{t, ctx}
	b.do(call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `window.wrong = [];
			addEventListener("securitypolicyviolation", (e) => wrong.push(e.violatedDirective + " " + e.blockedURI));
			addEventListener("error", (e) => wrong.push(e.message));
			addEventListener("unhandledrejection", (e) => wrong.push(String(e.reason)));`,
	}))
	return b
}

func call[P, R any](method cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, method, params)
		return err
	})
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	require.NoError(b, chromedp.Do(b.ctx, steps...))
}

func (b *tab) open(url string) {
	b.Helper()
	b.do(chromedp.Navigate(url))
}

// media makes the tab prefer what features say, in pairs.
func (b *tab) media(kind string, features ...string) {
	b.Helper()
	params := emulation.SetEmulatedMediaParams{Media: kind}
	for n := 0; n+1 < len(features); n += 2 {
		params.Features = append(params.Features, &emulation.MediaFeature{Name: features[n], Value: features[n+1]})
	}
	b.do(call(emulation.SetEmulatedMedia, params))
}

// eval returns what a script in the page comes to.
func eval[T any](b *tab, script string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	require.NoError(b, err, script)
	return v
}

func (b *tab) text(selector string) string {
	b.Helper()
	return eval[string](b, fmt.Sprintf(`document.querySelector(%q).innerText`, selector))
}

// until waits for a script to come true in the page, and returns how long that
// took.
func (b *tab) until(script string, most time.Duration) time.Duration {
	b.Helper()
	start := time.Now()
	ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](fmt.Sprintf(`new Promise((done) => {
		const start = performance.now();
		const look = setInterval(() => {
			const ok = (() => { try { return %s } catch { return false } })();
			if (!ok && performance.now() - start < %d) return;
			clearInterval(look);
			done(Boolean(ok));
		}, 5);
	})`, script, most.Milliseconds()), chromedp.EvalAwaitPromise))
	require.NoError(b, err, script)
	require.True(b, ok, "not within %s: %s", most, script)
	return time.Since(start)
}

// clean fails where the page was refused anything, or a script of it failed.
func (b *tab) clean() {
	b.Helper()
	require.Empty(b, eval[[]string](b, "wrong"))
}

// site is a page with its server, which can be cut off.
type site struct {
	*statuspage.Page
	*httptest.Server
	down     atomic.Bool
	noStream atomic.Bool
}

func newSite(t testing.TB, config statuspage.Site, records ...statuspage.Record) *site {
	t.Helper()
	return newSiteOn(t, memstore.New(), config, records...)
}

func newSiteOn(t testing.TB, store statuspage.Store, config statuspage.Site, records ...statuspage.Record) *site {
	t.Helper()
	for _, r := range records {
		doc, err := json.Marshal(r)
		require.NoError(t, err)
		require.NoError(t, store.Update(t.Context(), fmt.Sprintf("records/%x.json", r.Name), func([]byte) ([]byte, error) { return doc, nil }))
	}
	p, err := statuspage.New(t.Context(), statuspage.Config{Store: store, InsecureWebhook: true, Site: config})
	require.NoError(t, err)
	s := &site{Page: p}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.down.Load():
			panic(http.ErrAbortHandler)
		case s.noStream.Load() && r.URL.Path == "/events":
			http.NotFound(w, r)
		default:
			p.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Server.Close()
	})
	return s
}

// cut takes the site off the net.
func (s *site) cut() {
	s.down.Store(true)
	s.CloseClientConnections()
}

// tell is an alert's webhook.
func (s *site) tell(t testing.TB, action opsgenie.EventAction, alert opsgenie.EventAlert) {
	t.Helper()
	if alert.UpdatedAt.IsZero() {
		alert.UpdatedAt = time.Now()
	}
	require.NoError(t, s.Apply(t.Context(), opsgenie.Event{Action: action, Alert: alert}))
}

func tags(severity, service string) []string {
	return []string{"statuspage", "servicename:" + service, severity}
}
