package browsertest

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

const atOnce = time.Second

func TestLive(t *testing.T) {
	s := newSite(t, statuspage.Site{Title: "Acme"}, well("API", 30), well("Web", 30))
	b := newTab(t)
	b.open(s.URL + "/")
	assert.Equal(t, "All systems operational", b.text("h1"))
	assert.Equal(t, "All systems operational – Acme", eval[string](b, "document.title"))

	alert := opsgenie.EventAlert{ID: "1", Message: "Errors at checkout", Tags: tags("critical", "API"), CreatedAt: time.Now()}
	s.tell(t, opsgenie.EventCreate, alert)
	took := b.until(`document.querySelector("h1").innerText === "Major outage: API"`, atOnce)
	t.Logf("from webhook to screen in %s", took)
	assert.Equal(t, "Major outage: API – Acme", eval[string](b, "document.title"))
	assert.Contains(t, eval[string](b, `document.querySelector("link[rel=icon]").href`), "/assets/critical.svg")
	assert.Contains(t, b.text("#active"), "Errors at checkout")
	assert.Contains(t, b.text("#services"), "Major outage")

	alert.Note, alert.UpdatedAt = "We are rolling back.", time.Now()
	s.tell(t, opsgenie.EventAddNote, alert)
	b.until(`document.querySelector("#active").innerText.includes("We are rolling back.")`, atOnce)

	s.tell(t, opsgenie.EventClose, alert)
	b.until(`document.querySelector("h1").innerText === "All systems operational"`, atOnce)
	assert.True(t, eval[bool](b, `document.querySelector("#active").hidden`))
	assert.Contains(t, b.text("#past"), "Errors at checkout")
	b.clean()
}

// What a visitor has opened, and where the keyboard is, stays through a change.
func TestLiveKeepsItsPlace(t *testing.T) {
	s := newSite(t, statuspage.Site{Groups: []statuspage.Group{
		{Name: "Open", Services: []string{"API"}}, {Name: "Closed", Services: []string{"Web"}, Closed: true},
	}}, well("API", 30), well("Web", 30))
	b := newTab(t)
	b.open(s.URL + "/")
	eval[bool](b, `document.querySelector("#g0").open = false; document.querySelector("#g1").open = true; document.querySelector("#g1 a").focus(); true`)
	s.tell(t, opsgenie.EventCreate, opsgenie.EventAlert{ID: "1", Message: "slow", Tags: tags("major", "Mail"), CreatedAt: time.Now()})
	b.until(`document.querySelector("#services").innerText.includes("Mail")`, atOnce)
	assert.False(t, eval[bool](b, `document.querySelector("#g0").open`))
	assert.True(t, eval[bool](b, `document.querySelector("#g1").open`))
	assert.Equal(t, "Web", eval[string](b, `document.activeElement.textContent`))
	// A group that has become worse opens: it has something to say.
	s.tell(t, opsgenie.EventCreate, opsgenie.EventAlert{ID: "2", Message: "slow", Tags: tags("major", "API"), CreatedAt: time.Now()})
	b.until(`document.querySelector("#g0").open`, atOnce)
	b.clean()
}

// A page that cannot know is not green, and says since when.
func TestLostConnection(t *testing.T) {
	s := newSite(t, statuspage.Site{Title: "Acme"}, well("API", 30))
	b := newTab(t)
	b.open(s.URL + "/")
	const green = `getComputedStyle(document.querySelector("#banner")).backgroundColor`
	before := eval[string](b, green)
	assert.Empty(t, b.text("#conn"))

	s.cut()
	b.until(`/^Connection lost, as of \d\d:\d\d/.test(document.querySelector("#conn").innerText)`, 5*time.Second)
	assert.NotEqual(t, before, eval[string](b, green))
	assert.NotEqual(t, eval[string](b, `getComputedStyle(document.documentElement).getPropertyValue("--green")`),
		eval[string](b, `getComputedStyle(document.querySelector("#services .state")).getPropertyValue("--c")`))
	assert.Equal(t, "? All systems operational – Acme", eval[string](b, "document.title"))
	assert.Contains(t, eval[string](b, `document.querySelector("link[rel=icon]").href`), "/assets/unknown.svg")

	s.tell(t, opsgenie.EventCreate, opsgenie.EventAlert{ID: "1", Message: "slow", Tags: tags("major", "API"), CreatedAt: time.Now()})
	s.down.Store(false)
	b.until(`document.title === "Partial outage: API – Acme"`, 10*time.Second)
	assert.Empty(t, b.text("#conn"))
	assert.False(t, eval[bool](b, `document.documentElement.hasAttribute("data-stale")`))
}

// Where the stream does not come through, the page asks.
func TestPolling(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a poll")
	}
	t.Parallel()
	s := newSite(t, statuspage.Site{}, well("API", 30))
	s.noStream.Store(true)
	b := newTab(t)
	b.open(s.URL + "/")
	s.tell(t, opsgenie.EventCreate, opsgenie.EventAlert{ID: "1", Message: "slow", Tags: tags("major", "API"), CreatedAt: time.Now()})
	b.until(`document.querySelector("h1").innerText === "Partial outage: API"`, 20*time.Second)
	assert.Empty(t, b.text("#conn"))
}

// More tabs than a browser opens connections are all served, and those that nobody
// looks at follow what happens too.
func TestManyTabs(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a poll")
	}
	s := newSite(t, statuspage.Site{}, well("API", 30)) // not parallel: a tab opens in the window that was used last
	oneStream := func() bool { return s.Stats().Streams.Open == 1 }
	var first *tab
	for n := range 8 {
		b := newTab(t, chromedp.WithNewWindow(false))
		b.open(fmt.Sprintf("%s/?%d", s.URL, n)) // the cache has not this one
		if first == nil {
			first = b
			continue
		}
		first.until("document.hidden", 5*time.Second)
		b.until("!document.hidden", 5*time.Second)
		require.Eventually(t, oneStream, 5*time.Second, 10*time.Millisecond, "with %d tabs", n+1)
	}

	s.tell(t, opsgenie.EventCreate, opsgenie.EventAlert{ID: "1", Message: "slow", Tags: tags("major", "API"), CreatedAt: time.Now()})
	first.until(`document.title.startsWith("Partial outage: API")`, 20*time.Second)
	first.do(call(page.BringToFront, cdp.Empty{}))
	require.Eventually(t, oneStream, 5*time.Second, 10*time.Millisecond)
	s.tell(t, opsgenie.EventClose, opsgenie.EventAlert{ID: "1", Message: "slow", Tags: tags("major", "API")})
	first.until(`document.querySelector("h1").innerText === "All systems operational"`, atOnce)
	first.clean()
}

// Below a path, and in the frame of a site that may have it and in no other's, the
// page is live as well.
func TestBelowAPathAndInAFrame(t *testing.T) {
	var frame string
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><title>host</title><iframe src="%s"></iframe>`, frame)
	}))
	t.Cleanup(host.Close)
	s := newSite(t, statuspage.Site{BasePath: "/status", EmbedIn: []string{host.URL}}, well("API", 30))
	frame = s.URL + "/status/embed"
	streams := func(n int64) func() bool { return func() bool { return s.Stats().Streams.Open == n } }

	b := newTab(t)
	b.open(s.URL + "/status/")
	s.tell(t, opsgenie.EventCreate, opsgenie.EventAlert{ID: "1", Message: "slow", Tags: tags("major", "API"), CreatedAt: time.Now()})
	b.until(`document.querySelector("h1").innerText === "Partial outage: API"`, atOnce)
	assert.Contains(t, eval[string](b, `document.querySelector("link[rel=icon]").href`), "/status/assets/major.svg")
	b.clean()

	b.open("about:blank")
	require.Eventually(t, streams(0), 5*time.Second, 10*time.Millisecond)
	b.open(host.URL)
	require.Eventually(t, streams(1), 5*time.Second, 10*time.Millisecond, "the frame follows")

	other := httptest.NewServer(host.Config.Handler)
	t.Cleanup(other.Close)
	b.open(other.URL)
	require.Eventually(t, streams(0), 5*time.Second, 10*time.Millisecond)
	assert.Never(t, streams(1), 300*time.Millisecond, 20*time.Millisecond, "another site has no frame of it")
}

func TestWithoutScript(t *testing.T) {
	s := newSite(t, acme(time.Now()), acmeRecords(time.Now())...)
	b := newTab(t)
	b.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	b.open(s.URL + "/")
	assert.Equal(t, "Partial outage: Checkout and Payments", b.text("h1"))
	body := b.text("body")
	for _, want := range []string{
		"Card payments fail for some customers", "We are moving traffic", "Move of the search index", "In progress", "Database upgrade", "Scheduled",
		"Shop", "Operational", "100.00 % uptime", "No incidents.", "Full incident history", " UTC",
	} {
		assert.Contains(t, body, want)
	}
	assert.Empty(t, b.text("#conn"))
	assert.Equal(t, 20, eval[int](b, `document.querySelectorAll("svg.bars").length`))

	for _, path := range []string{"/services/Checkout", "/incidents/open-1", "/history"} {
		b.open(s.URL + path)
		assert.Contains(t, b.text("body"), "Card payments fail for some customers", path)
	}
}

// Times are the visitor's, and say of which zone; the server's are in their title.
func TestTimes(t *testing.T) {
	at := time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC)
	r := well("API", 30)
	r.Incidents = []statuspage.Incident{incident("1", "slow", statuspage.Major, at, time.Hour, "API")}
	s := newSite(t, statuspage.Site{}, r)
	b := newTab(t)
	b.do(call(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kolkata"}))
	b.open(s.URL + "/incidents/1")
	assert.Regexp(t, `(2 Jul 2026, 04:00|Jul 2, 2026, 04:00 AM) (IST|GMT\+5:30)`, b.text("dl time"))
	assert.Equal(t, "1 Jul 2026, 22:30 UTC", eval[string](b, `document.querySelector("dl time").title`))
}

func TestDark(t *testing.T) {
	s := newSite(t, statuspage.Site{}, well("API", 30))
	b := newTab(t)
	b.open(s.URL + "/")
	const background = `getComputedStyle(document.body).backgroundColor`
	light := eval[string](b, background)
	b.media("", "prefers-color-scheme", "dark")
	assert.NotEqual(t, light, eval[string](b, background))
	assert.Equal(t, "rgb(1, 4, 9)", eval[string](b, background))
}

func TestPhone(t *testing.T) {
	long := well("a-service-with-a-name-that-is-much-longer-than-a-phone-is-wide-and-has-no-blank", 30)
	s := newSite(t, acme(time.Now()), append(acmeRecords(time.Now()), long)...)
	b := newTab(t)
	b.do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateScale(2)))
	for _, path := range []string{"/", "/services/Checkout", "/incidents/open-1", "/history"} {
		b.open(s.URL + path)
		assert.LessOrEqual(t, eval[float64](b, `document.documentElement.scrollWidth`), 360.0, "%s does not scroll sideways", path)
	}
	b.open(s.URL + "/")
	// The last 30 of 90 days are in sight.
	assert.InDelta(t, 3.0, eval[float64](b, `document.querySelector(".bars").getBoundingClientRect().width / document.querySelector(".crop").getBoundingClientRect().width`), 0.01)
	assert.InDelta(t, 0.0, eval[float64](b, `document.querySelector(".bars").getBoundingClientRect().right - document.querySelector(".crop").getBoundingClientRect().right`), 1)
	assert.Contains(t, b.text(".scale"), "30 days ago")
	assert.NotContains(t, b.text(".scale"), "90 days ago")
}

// A name is broken between its words, also beside the longest state, and a
// heading ends where what is under it ends.
func TestNamesKeepTheirWords(t *testing.T) {
	now := time.Now()
	s := newSite(t, statuspage.Site{
		Groups:      []statuspage.Group{{Name: "Infrastructure", Services: []string{"Authentication", "API"}}},
		Maintenance: []statuspage.Maintenance{{Title: "Move", Text: "We move.\nIt is slow.", Start: now.Add(-time.Hour), End: now.Add(time.Hour)}},
	}, well("Authentication", 30), well("API", 30), well("Communication services", 30))
	b := newTab(t)
	for _, width := range []int64{320, 360, 900} {
		b.do(chromedp.EmulateViewport(width, 740))
		b.open(s.URL + "/")
		assert.LessOrEqual(t, eval[float64](b, `document.documentElement.scrollWidth`), float64(width))
		assert.Empty(t, eval[[]string](b, `[...document.querySelectorAll(".row > :first-child")].filter((name) => {
			const words = name.textContent.split(" ").length;
			return name.getBoundingClientRect().height > words * 1.6 * parseFloat(getComputedStyle(name).fontSize);
		}).map((name) => name.textContent)`), "at %d", width)
		assert.Equal(t, 1, eval[int](b, `new Set([...document.querySelectorAll("#services .state")].map((e) => Math.round(e.getBoundingClientRect().right))).size`), "at %d", width)
	}
	assert.Contains(t, b.text("#maintenance"), "We move.\nIt is slow.")
}

// Before anything was heard of, the page says so and no more.
func TestNothingYet(t *testing.T) {
	s := newSite(t, statuspage.Site{})
	b := newTab(t)
	b.open(s.URL + "/")
	assert.Equal(t, "No data", b.text("h1"))
	assert.NotContains(t, b.text("body"), "No incidents.")
	assert.NotContains(t, b.text("body"), "perational")
	assert.Greater(t, b.contrast("#banner svg"), uint32(0x4000), "its sign is to be seen on its ground")
	assert.Greater(t, eval[float64](b, `parseFloat(getComputedStyle(document.querySelector("#services .none")).paddingLeft)`), 10.0)
}

// contrast is how far apart the least and the most green of a picture are.
func (b *tab) contrast(selector string) uint32 {
	b.Helper()
	shot, err := chromedp.Run(b.ctx, chromedp.Screenshot(selector))
	require.NoError(b, err)
	picture, err := png.Decode(bytes.NewReader(shot))
	require.NoError(b, err)
	var least, most uint32 = 0xffff, 0
	for x := range picture.Bounds().Dx() {
		for y := range picture.Bounds().Dy() {
			_, green, _, _ := picture.At(x, y).RGBA()
			least, most = min(least, green), max(most, green)
		}
	}
	return most - least
}

// In the visitor's own colours the sign of the banner is seen as well as its text,
// and days without data differ by their form: what is grey is green in some themes.
func TestForcedColours(t *testing.T) {
	pages := map[string]*site{
		"green": newSite(t, statuspage.Site{}, well("API", 30)), "unknown": newSite(t, statuspage.Site{}),
	}
	for _, scheme := range []string{"light", "dark"} {
		for state, s := range pages {
			b := newTab(t)
			b.media("", "forced-colors", "active", "prefers-color-scheme", scheme)
			b.open(s.URL + "/")
			require.True(t, eval[bool](b, `matchMedia("(forced-colors: active)").matches`))
			assert.Greater(t, b.contrast("#banner svg"), uint32(0xc000), "%s, %s", state, scheme)
			if state == "unknown" {
				continue
			}
			const bar = `getComputedStyle(document.querySelector(".bars .%s"))`
			assert.Equal(t, eval[string](b, `getComputedStyle(document.body).color`), eval[string](b, fmt.Sprintf(bar, "u")+".stroke"), scheme)
			assert.Less(t, eval[float64](b, `parseFloat(`+fmt.Sprintf(bar, "u")+`.strokeWidth)`),
				eval[float64](b, `parseFloat(`+fmt.Sprintf(bar, "g")+`.strokeWidth)`)/4, scheme)
		}
	}
}

func TestHostileText(t *testing.T) {
	const canary = `<img src=x onerror="window.canary=1"><script>window.canary=1</script>" onmouseover="window.canary=1` + "'\u202e"
	s := newSite(t, statuspage.Site{})
	b := newTab(t)
	look := func(path string) {
		t.Helper()
		b.until(`document.body.innerText.includes("onerror")`, atOnce)
		assert.Equal(t, "undefined", eval[string](b, "typeof window.canary"), path)
		assert.Zero(t, eval[float64](b, `document.querySelectorAll("img, [onerror], [onmouseover], body script").length`), path)
		b.clean()
	}
	b.open(s.URL + "/")
	s.tell(t, opsgenie.EventCreate, opsgenie.EventAlert{
		ID: canary, Message: canary, Tags: []string{"statuspage", "critical", "servicename:" + canary}, Note: canary, CreatedAt: time.Now(),
	})
	look("by the live part")
	for _, path := range []string{"/", "/services/", "/incidents/", "/history"} {
		if path == "/services/" || path == "/incidents/" {
			b.open(s.URL + "/")
			look("/") // the browser may show what it kept at first
			path = eval[string](b, `document.querySelector("main a[href^='`+path+`']").getAttribute("href")`)
		}
		b.open(s.URL + path)
		look(path)
	}
}

func TestKeyboard(t *testing.T) {
	s := newSite(t, statuspage.Site{Groups: []statuspage.Group{{Name: "Shop", Services: []string{"API"}}}}, well("API", 30))
	b := newTab(t)
	b.open(s.URL + "/")
	b.do(chromedp.KeyEvent(kb.Tab))
	assert.Equal(t, "Skip to the content", eval[string](b, `document.activeElement.innerText`))
	assert.Greater(t, eval[float64](b, `document.activeElement.getBoundingClientRect().width`), 50.0, "it is seen when it has the focus")
	eval[bool](b, `document.querySelector("summary").focus(); true`)
	b.do(chromedp.KeyEvent(kb.Enter))
	assert.False(t, eval[bool](b, `document.querySelector("details").open`))
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab))
	assert.Equal(t, "API", eval[string](b, `document.activeElement.innerText`))
}

// On paper there is nothing to open.
func TestPrint(t *testing.T) {
	s := newSite(t, statuspage.Site{Groups: []statuspage.Group{{Name: "Shop", Services: []string{"API"}, Closed: true}}}, well("API", 30))
	b := newTab(t)
	b.open(s.URL + "/")
	const seen = `document.querySelector("details li").checkVisibility()`
	assert.False(t, eval[bool](b, seen))
	b.media("print")
	assert.True(t, eval[bool](b, seen))
}

func TestStill(t *testing.T) {
	s := newSite(t, acme(time.Now()), acmeRecords(time.Now())...)
	b := newTab(t)
	b.open(s.URL + "/")
	assert.Zero(t, eval[float64](b, `document.getAnimations().length`), "nothing moves")
	assert.Equal(t, "auto", eval[string](b, `getComputedStyle(document.documentElement).scrollBehavior`))
}
