package browsertest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

var shots = flag.String("shots", "", "folder to write pictures of the page to")

// The pictures of the documentation, made anew by `make shots`.
func TestShots(t *testing.T) {
	if *shots == "" {
		t.Skip("no folder for them: -shots")
	}
	s := newSite(t, acme(time.Now()), acmeRecords(time.Now())...)
	store := memstore.New()
	acmeCharts(t, store)
	charted := newSiteOn(t, store, statuspage.Site{Title: "Acme status"}, well("API", 120), well("Website", 120))
	for _, shot := range []struct {
		name, path, scheme string
		width, height      int64
	}{
		{"metrics", "/", "light", 900, 970},
		{"light", "/", "light", 900, 1440},
		{"dark", "/", "dark", 900, 1440},
		{"phone", "/", "light", 390, 1640},
		{"service", "/services/Payments", "light", 900, 1000},
	} {
		b := newTab(t)
		b.media("", "prefers-color-scheme", shot.scheme)
		b.do(chromedp.EmulateViewport(shot.width, shot.height))
		if shot.name == "metrics" {
			b.open(charted.URL + shot.path)
		} else {
			b.open(s.URL + shot.path)
		}
		picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(*shots, "statuspage-"+shot.name+".png"), picture, 0o644))
	}
}
