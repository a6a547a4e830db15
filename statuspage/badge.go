package statuspage

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/routewatch/routewatch/internal/text"
)

// color is the banner's, dark enough for white text (at least 4.5 to 1, WCAG AA).
func (b Banner) color() string {
	switch {
	case b.Empty:
		return "#59636e"
	case b.State == Critical:
		return "#b3121f"
	case b.State == Major:
		return "#bc4c00"
	case b.Maintenance:
		return "#0b5cad"
	}
	return "#1a7f37"
}

// badgeOf is what a badge says: on the left whose it is, on the right how it is.
func (m *material) badgeOf(service string) (label string, b Banner, ok bool) {
	if service == "" {
		return m.page.cfg.Site.name(), bannerOf(m.Services, m.maintained), true
	}
	r := m.Service(service)
	if r == nil {
		return "", Banner{}, false
	}
	return text.CleanLine(r.Name), bannerOf([]*Record{r}, m.maintained), true
}

// shieldJSON is the endpoint of a badge of shields.io.
// https://shields.io/badges/endpoint-badge
type shieldJSON struct {
	SchemaVersion int    `json:"schemaVersion"`
	Label         string `json:"label"`
	Message       string `json:"message"`
	Color         string `json:"color"`
}

func renderShield(m *material, service string) *answer {
	label, b, ok := m.badgeOf(service)
	if !ok {
		return nil
	}
	return jsonAnswer(shieldJSON{1, label, b.Word(), b.color()})
}

// maxLabel is how many letters of a name a badge shows.
const maxLabel = 40

func renderBadge(m *material, service string) *answer {
	label, b, ok := m.badgeOf(service)
	if !ok {
		return nil
	}
	return newAnswer("image/svg+xml; charset=utf-8", drawBadge(text.Cut(label, maxLabel), b.Word(), b.color()))
}

// drawBadge draws two boxes with text in them, as badges look everywhere. Style
// is in attributes: a strict policy forbids style elements, also within images.
func drawBadge(label, message, color string) []byte {
	left, right := textWidth(label)+10, textWidth(message)+10
	all := xmlText(label + ": " + message)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="20" role="img" aria-label="%s"><title>%s</title>`, left+right, all, all)
	fmt.Fprintf(&b, `<clipPath id="r"><rect width="%d" height="20" rx="3"/></clipPath>`, left+right)
	fmt.Fprintf(&b, `<g clip-path="url(#r)"><rect width="%d" height="20" fill="#555"/><rect x="%d" width="%d" height="20" fill="%s"/></g>`, left, left, right, color)
	b.WriteString(`<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">`)
	for _, part := range []struct {
		mid, width int
		text       string
	}{{left / 2, left - 10, label}, {left + right/2, right - 10, message}} {
		t := xmlText(part.text)
		fmt.Fprintf(&b, `<text x="%d" y="15" fill="#010101" fill-opacity=".3" textLength="%d" aria-hidden="true">%s</text>`, part.mid, part.width, t)
		fmt.Fprintf(&b, `<text x="%d" y="14" textLength="%d">%s</text>`, part.mid, part.width, t)
	}
	b.WriteString("</g></svg>\n")
	return b.Bytes()
}

// textWidth is about how wide a text is in Verdana at 11 pixels. What it is wrong
// by, textLength spreads over the letters.
func textWidth(s string) int {
	tenths := 0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljI.,:;'|![]() tfr", r):
			tenths += 42
		case strings.ContainsRune("mwMW@%", r):
			tenths += 105
		case r >= utf8.RuneSelf && r > 0x2e7f: // Chinese, Japanese, Korean, emoji
			tenths += 115
		case 'A' <= r && r <= 'Z':
			tenths += 76
		default:
			tenths += 68
		}
	}
	return max(tenths/10, 1)
}

// xmlText escapes text for XML, in which most control characters may not be at
// all.
func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}
