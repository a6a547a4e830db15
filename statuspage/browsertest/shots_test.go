package browsertest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var shots = flag.String("shots", "", "folder to write pictures of the page to")

// The pictures of the documentation, made anew by `make shots`.
func TestShots(t *testing.T) {
	if *shots == "" {
		t.Skip("no folder for them: -shots")
	}
	s := newSite(t, acme(time.Now()), acmeRecords(time.Now())...)
	for _, shot := range []struct {
		name, path, scheme string
		width, height      int64
	}{
		{"light", "/", "light", 900, 1440},
		{"dark", "/", "dark", 900, 1440},
		{"phone", "/", "light", 390, 1640},
		{"service", "/services/Payments", "light", 900, 1000},
	} {
		b := newTab(t)
		b.media("", "prefers-color-scheme", shot.scheme)
		b.do(chromedp.EmulateViewport(shot.width, shot.height))
		b.open(s.URL + shot.path)
		picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(*shots, "statuspage-"+shot.name+".png"), picture, 0o644))
	}
}
