// Package text makes text from anywhere safe to show and short enough to send:
// Clean or CleanLine first, then Cut.
//
// All three leave their result valid UTF-8 when Clean or CleanLine came first,
// and doing any of them twice changes nothing more.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Ellipsis is what [Cut] puts in place of what it took away: one rune.
const Ellipsis = "…"

// Clean returns s as text of one or more lines. Line breaks of every kind
// become \n and tabs stay. Other control characters and invisible format
// characters (bidi overrides, zero-width marks, soft hyphens) are dropped, and
// each byte that is not UTF-8 becomes U+FFFD.
func Clean(s string) string { return clean(s, false) }

// CleanLine is [Clean] for text of one line: a run of line breaks and tabs
// becomes one blank, or nothing at either end. Other blanks stay, since in an
// alias they count.
func CleanLine(s string) string { return clean(s, true) }

// Cut returns s if it has at most max runes, else its first max-1 runes and an
// [Ellipsis]. A max below 1 gives "".
func Cut(s string, max int) string {
	if max < 1 {
		return ""
	}
	if len(s) <= max {
		return s
	}
	n, cut := 0, 0
	for i := range s {
		switch n {
		case max - 1:
			cut = i
		case max:
			return s[:cut] + Ellipsis
		}
		n++
	}
	return s
}

func clean(s string, oneLine bool) string {
	if plain(s, oneLine) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	gap := false // a break that becomes a blank if text follows
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		switch r {
		case '\r':
			if strings.HasPrefix(s[i+1:], "\n") {
				continue // CR LF is one break
			}
			r = '\n'
		case '\v', '\f', '\u0085', '\u2028', '\u2029':
			r = '\n'
		}
		switch {
		case r == '\n' || r == '\t':
			if oneLine {
				gap = b.Len() > 0
				continue
			}
		case hidden(r):
			continue
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plain reports whether s is ASCII that clean would return as it is, which
// nearly all text is.
func plain(s string, oneLine bool) bool {
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c < 0x7f {
			continue
		}
		if oneLine || (c != '\n' && c != '\t') {
			return false
		}
	}
	return true
}

// hidden reports whether r shows nothing of itself: C0, C1, and the format
// characters (Cf), which among others reorder text or part a word for a search
// and not for the eye. A few Arabic and Indic number signs are Cf and visible.
func hidden(r rune) bool {
	return unicode.Is(unicode.Cc, r) ||
		unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}
