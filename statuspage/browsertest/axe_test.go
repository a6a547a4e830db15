package browsertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// axe is the source of axe-core, at the version of testdata/axe, which npm
// installs into the user's cache.
func axe(t *testing.T) string {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join("testdata", "axe", "package-lock.json"))
	require.NoError(t, err)
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	dir := filepath.Join(cache, "routewatch", "axe")
	installed := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	was, _ := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	source, err := os.ReadFile(installed)
	if err == nil && string(was) == string(lock) {
		return string(source)
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("there is no npm to install axe-core with")
	}
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "axe"))))
	install := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		_ = os.RemoveAll(dir)
		t.Skipf("npm cannot install axe-core: %v\n%s", err, out)
	}
	source, err = os.ReadFile(installed)
	require.NoError(t, err)
	return string(source)
}

// Axe finds nothing to complain of: contrast, names, landmarks, order of headings.
func TestAccessible(t *testing.T) {
	source := axe(t)
	config := acme(time.Now())
	config.EmbedIn = []string{"*"}
	s := newSite(t, config, acmeRecords(time.Now())...)
	fine := newSite(t, config, well("API", 30))
	for _, scheme := range []string{"light", "dark"} {
		for _, url := range []string{
			s.URL + "/", s.URL + "/services/Checkout", s.URL + "/services/Search", s.URL + "/incidents/open-1", s.URL + "/incidents/i3-1",
			s.URL + "/history", s.URL + "/nothing", s.URL + "/embed", fine.URL + "/",
		} {
			t.Run(scheme+strings.TrimPrefix(url, s.URL), func(t *testing.T) {
				b := newTab(t)
				b.media("", "prefers-color-scheme", scheme)
				b.open(url)
				check := func(how string) {
					t.Helper()
					assert.Empty(t, violations(b, source), how)
				}
				check("connected")
				if eval[bool](b, `"fragment" in document.querySelector("main").dataset`) {
					eval[bool](b, `dispatchEvent(new Event("offline"))`)
					require.True(t, eval[bool](b, `document.documentElement.hasAttribute("data-stale")`))
					check("not connected")
				}
			})
		}
	}
	b := newTab(t)
	b.do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile), call(emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true}))
	b.open(s.URL + "/")
	assert.Empty(t, violations(b, source), "on a phone")
}

// violations are what axe, of which this is the source, finds in a tab.
func violations(b *tab, source string) []string {
	b.Helper()
	const run = `axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.map((v) => v.id + ": " + v.help + " " + v.nodes.map((n) => n.html).join(" ")))`
	eval[bool](b, source+"; true")
	wrong, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](run, chromedp.EvalAwaitPromise))
	require.NoError(b, err)
	return wrong
}
