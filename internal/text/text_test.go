package text_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/routewatch/routewatch/internal/text"
)

func TestClean(t *testing.T) {
	tests := []struct {
		name, in, want, line string
	}{
		{"invalid UTF-8", "a\xff\xfeb", "a\ufffd\ufffdb", "a\ufffd\ufffdb"},
		{"half a rune at the end", "a\xe2\x80", "a\ufffd\ufffd", "a\ufffd\ufffd"},
		{"NUL and escape", "a\x00b\x1b[31mc\x7f", "ab[31mc", "ab[31mc"},
		{"C1", "a\u009bb", "ab", "ab"},
		{"bidi override", "x\u202egpj.exe", "xgpj.exe", "xgpj.exe"},
		{"isolates and marks", "\u2066a\u2069\u200e\u061c", "a", "a"},
		{"zero width", "pass\u200bword\ufeff\u2060\u00ad", "password", "password"},
		{"tag characters", "a\U000e0041", "a", "a"},
		{"visible format character stays", "\u0600", "\u0600", "\u0600"},
		{"header injection", "a\r\nX-Evil: 1", "a\nX-Evil: 1", "a X-Evil: 1"},
		{"line separators", "a\u2028b\u2029c\u0085d\ve\ff", "a\nb\nc\nd\ne\nf", "a b c d e f"},
		{"lone CR", "a\rb", "a\nb", "a b"},
		{"breaks at the ends", "\n\ta\n\n", "\n\ta\n\n", "a"},
		{"a run is one blank", "a\n\t\r\nb", "a\n\t\nb", "a b"},
		{"blanks stay", "  a  b ", "  a  b ", "  a  b "},
		{"nothing", "", "", ""},
		{"other scripts", "Ошибка 错误 🚨", "Ошибка 错误 🚨", "Ошибка 错误 🚨"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := text.Clean(tt.in); got != tt.want {
				t.Errorf("Clean: got %q, want %q", got, tt.want)
			}
			if got := text.CleanLine(tt.in); got != tt.line {
				t.Errorf("CleanLine: got %q, want %q", got, tt.line)
			}
		})
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		name string
		in   string
		max  int
		want string
	}{
		{"negative", "abc", -1, ""},
		{"zero", "abc", 0, ""},
		{"one", "abc", 1, "…"},
		{"one too long", "abcd", 3, "ab…"},
		{"exact", "abc", 3, "abc"},
		{"short", "ab", 3, "ab"},
		{"runes, not bytes", "ééé", 3, "ééé"},
		{"runes, one too long", "éééé", 3, "éé…"},
		{"four-byte runes", "🚨🚨🚨", 2, "🚨…"},
		{"invalid bytes count one each", "\xff\xff\xff", 2, "\xff…"},
		{"empty", "", 3, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := text.Cut(tt.in, tt.max); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\r\nb", "\xff\u202e\u200b", "é🚨\x00", "\r\u200b\n", "…"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, max int) {
		for name, clean := range map[string]func(string) string{"Clean": text.Clean, "CleanLine": text.CleanLine} {
			got := clean(s)
			if !utf8.ValidString(got) {
				t.Errorf("%s(%q) = %q is not UTF-8", name, s, got)
			}
			if again := clean(got); again != got {
				t.Errorf("%s is not idempotent: %q, then %q", name, got, again)
			}
			if name == "CleanLine" && strings.ContainsAny(got, "\r\n\t\v\f\u0085\u2028\u2029\u202e\u200b") {
				t.Errorf("CleanLine(%q) = %q", s, got)
			}
			cut := text.Cut(got, max)
			if n := utf8.RuneCountInString(cut); n > max && max >= 0 {
				t.Errorf("Cut(%q, %d) has %d runes", got, max, n)
			}
			if !utf8.ValidString(cut) {
				t.Errorf("Cut(%q, %d) = %q is not UTF-8", got, max, cut)
			}
			if again := text.Cut(cut, max); again != cut {
				t.Errorf("Cut is not idempotent: %q, then %q", cut, again)
			}
		}
	})
}
