package opsgenie_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
)

func TestFitText(t *testing.T) {
	const evil = "a\r\nb\x00\u202e\u200bc\xff"
	const line, lines = "a bc\ufffd", "a\nbc\ufffd"
	fields := []struct {
		name string
		max  int
		want string // of evil
		in   func(string) opsgenie.NewAlert
		out  func(opsgenie.NewAlert) string
	}{
		{"message", opsgenie.MaxMessage, line, func(s string) opsgenie.NewAlert { return opsgenie.NewAlert{Message: s} }, func(a opsgenie.NewAlert) string { return a.Message }},
		{"description", opsgenie.MaxDescription, lines, func(s string) opsgenie.NewAlert { return opsgenie.NewAlert{Description: s} }, func(a opsgenie.NewAlert) string { return a.Description }},
		{"entity", opsgenie.MaxEntity, line, func(s string) opsgenie.NewAlert { return opsgenie.NewAlert{Entity: s} }, func(a opsgenie.NewAlert) string { return a.Entity }},
		{"source", opsgenie.MaxSource, line, func(s string) opsgenie.NewAlert { return opsgenie.NewAlert{Source: s} }, func(a opsgenie.NewAlert) string { return a.Source }},
		{"user", opsgenie.MaxUser, line, func(s string) opsgenie.NewAlert { return opsgenie.NewAlert{User: s} }, func(a opsgenie.NewAlert) string { return a.User }},
		{"note", opsgenie.MaxNote, lines, func(s string) opsgenie.NewAlert { return opsgenie.NewAlert{Note: s} }, func(a opsgenie.NewAlert) string { return a.Note }},
		{"tag", opsgenie.MaxTag, line, func(s string) opsgenie.NewAlert { return opsgenie.NewAlert{Tags: []string{s}} }, func(a opsgenie.NewAlert) string { return a.Tags[0] }},
		{"action", opsgenie.MaxAction, line, func(s string) opsgenie.NewAlert { return opsgenie.NewAlert{Actions: []string{s}} }, func(a opsgenie.NewAlert) string { return a.Actions[0] }},
	}
	for _, f := range fields {
		t.Run(f.name, func(t *testing.T) {
			over := strings.Repeat("é", f.max+1)
			assert.Equal(t, strings.Repeat("é", f.max-1)+"…", f.out(f.in(over).Fit()), "one rune too long")
			exact := strings.Repeat("é", f.max)
			assert.Equal(t, exact, f.out(f.in(exact).Fit()), "exactly the limit")
			assert.Equal(t, f.want, f.out(f.in(evil).Fit()), "unclean")
		})
	}
}

func TestFitLists(t *testing.T) {
	many := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprint("t", i))
		}
		return out
	}
	responders := slices.Repeat([]opsgenie.Responder{{Type: opsgenie.Team, Name: "ops\n"}}, 51)
	got := opsgenie.NewAlert{
		Tags: append([]string{"", "\u200b"}, many(21)...), Actions: many(11),
		Responders: responders, VisibleTo: responders,
	}.Fit()
	assert.Equal(t, many(20), got.Tags, "empty tags take no place")
	assert.Equal(t, many(10), got.Actions)
	assert.Len(t, got.Responders, 50)
	assert.Len(t, got.VisibleTo, 50)
	assert.Equal(t, "ops", got.Responders[0].Name)
}

func TestFitAlias(t *testing.T) {
	long := strings.Repeat("é", opsgenie.MaxAlias+1)
	got := opsgenie.FitAlias(long)
	assert.Equal(t, opsgenie.MaxAlias, utf8.RuneCountInString(got))
	assert.Regexp(t, `^é{495}…[0-9a-f]{16}$`, got)
	assert.Equal(t, got, opsgenie.FitAlias(got), "idempotent")
	assert.NotEqual(t, got, opsgenie.FitAlias(long+"x"), "two long aliases stay two")
	assert.Equal(t, got, opsgenie.NewAlert{Alias: long}.Fit().Alias)

	exact := strings.Repeat("é", opsgenie.MaxAlias)
	assert.Equal(t, exact, opsgenie.FitAlias(exact))
	assert.Equal(t, "GET /a/b?x=1#f ü", opsgenie.FitAlias("GET\n/a/b?x=1#f ü\n"))
}

func TestFitDetails(t *testing.T) {
	runes := func(m map[string]string) (n int) {
		for k, v := range m {
			n += utf8.RuneCountInString(k) + utf8.RuneCountInString(v)
		}
		return n
	}
	t.Run("the longest goes first", func(t *testing.T) {
		got := opsgenie.NewAlert{Details: map[string]string{
			"stack": strings.Repeat("é", 20000), "url": strings.Repeat("u", 300), "code": "500",
		}}.Fit().Details
		assert.Equal(t, opsgenie.MaxDetails, runes(got))
		assert.Equal(t, "500", got["code"])
		assert.Equal(t, strings.Repeat("u", 300), got["url"])
		assert.True(t, strings.HasSuffix(got["stack"], "é…"))
	})
	t.Run("two long ones share", func(t *testing.T) {
		got := opsgenie.NewAlert{Details: map[string]string{
			"a": strings.Repeat("a", 9000), "b": strings.Repeat("b", 8999), "c": "short",
		}}.Fit().Details
		assert.Equal(t, opsgenie.MaxDetails, runes(got))
		assert.InDelta(t, utf8.RuneCountInString(got["a"]), utf8.RuneCountInString(got["b"]), 1)
		assert.Equal(t, "short", got["c"])
	})
	t.Run("many, each a rune too long", func(t *testing.T) {
		in := map[string]string{}
		for i := range 40 {
			in[fmt.Sprintf("k%02d", i)] = strings.Repeat("v", 198)
		}
		got := opsgenie.NewAlert{Details: in}.Fit().Details
		assert.Len(t, got, 40)
		assert.Equal(t, opsgenie.MaxDetails, runes(got))
	})
	t.Run("exactly the limit", func(t *testing.T) {
		in := map[string]string{"k": strings.Repeat("v", opsgenie.MaxDetails-1)}
		assert.Equal(t, in, opsgenie.NewAlert{Details: in}.Fit().Details)
	})
	t.Run("one rune over", func(t *testing.T) {
		got := opsgenie.NewAlert{Details: map[string]string{"k": strings.Repeat("v", opsgenie.MaxDetails)}}.Fit().Details
		assert.Equal(t, map[string]string{"k": strings.Repeat("v", opsgenie.MaxDetails-2) + "…"}, got)
	})
	t.Run("a long key", func(t *testing.T) {
		long := strings.Repeat("k", 9000)
		got := opsgenie.NewAlert{Details: map[string]string{long: "1", long + "x": "2"}}.Fit().Details
		assert.ElementsMatch(t, []string{"1", "2"}, slices.Collect(maps.Values(got)))
	})
	t.Run("more keys than room", func(t *testing.T) {
		in := map[string]string{}
		for i := range 9000 {
			in[fmt.Sprintf("key-%05d", i)] = "value"
		}
		in["id"] = "7"
		got := opsgenie.NewAlert{Details: in}.Fit().Details
		assert.LessOrEqual(t, runes(got), opsgenie.MaxDetails)
		assert.Equal(t, "7", got["id"], "a short one stays")
		assert.Regexp(t, `^\d+ more$`, got["…"])
	})
	t.Run("many empty values within the limit stay", func(t *testing.T) {
		in := map[string]string{}
		for i := range 799 {
			in[fmt.Sprintf("key-%06d", i)] = ""
		}
		assert.Equal(t, in, opsgenie.NewAlert{Details: in}.Fit().Details)
	})
	t.Run("keys that are one when cleaned", func(t *testing.T) {
		got := opsgenie.NewAlert{Details: map[string]string{"a\u200b": "2", "a": "1", "": "none"}}.Fit().Details
		assert.Equal(t, map[string]string{"a": "1", "?": "none"}, got)
	})
	t.Run("none", func(t *testing.T) {
		assert.Nil(t, opsgenie.NewAlert{}.Fit().Details)
	})
}

func TestFitCopies(t *testing.T) {
	make := func() opsgenie.NewAlert {
		return opsgenie.NewAlert{
			Message:    strings.Repeat("m", 200),
			Tags:       []string{"a\n", "", strings.Repeat("t", 60)},
			Actions:    []string{"x\n"},
			Responders: []opsgenie.Responder{{Type: opsgenie.User, Name: "a\x00"}},
			Details:    map[string]string{"k\n": strings.Repeat("v", 9000)},
		}
	}
	in := make()
	out := in.Fit()
	assert.Equal(t, make(), in, "Fit changed its receiver")
	out.Tags[0], out.Details["new"] = "changed", "changed"
	assert.Equal(t, make(), in, "Fit shares memory with its receiver")
}

func TestValidate(t *testing.T) {
	ok := opsgenie.NewAlert{Message: "m"}
	tests := []struct {
		name   string
		change func(*opsgenie.NewAlert)
		want   string
	}{
		{"no message", func(a *opsgenie.NewAlert) { a.Message = "" }, "needs a message"},
		{"invisible message", func(a *opsgenie.NewAlert) { a.Message = "\u200b \n" }, "needs a message"},
		{"P0", func(a *opsgenie.NewAlert) { a.Priority = "P0" }, `priority "P0" is none of P1 to P5`},
		{"responder", func(a *opsgenie.NewAlert) { a.Responders = []opsgenie.Responder{{Type: "boss", Name: "x"}} }, `responder 0: responder type "boss"`},
		{"visible to nobody", func(a *opsgenie.NewAlert) { a.VisibleTo = []opsgenie.Responder{{Type: opsgenie.Team}} }, "visibleTo 0: responder of type team has no id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := ok
			tt.change(&a)
			err := a.Validate()
			require.ErrorIs(t, err, opsgenie.ErrInvalid)
			assert.ErrorContains(t, err, tt.want)
		})
	}
	assert.NoError(t, ok.Validate())
}

func FuzzFit(f *testing.F) {
	f.Add("message", "alias", "tag", "key", "value", 3)
	f.Add("a\r\nb", strings.Repeat("é", 600), "\xff\u202e", "\x00", strings.Repeat("🚨", 9000), 40)
	f.Add("", "", "", "", "", 0)
	f.Add("…", "…", "…", "…", "…", 30)
	f.Fuzz(func(t *testing.T, message, alias, tag, key, value string, n int) {
		n = min(max(n, 0), 100)
		a := opsgenie.NewAlert{
			Message: message, Alias: alias, Description: value, Entity: alias, Source: message, Note: value,
			Tags: slices.Repeat([]string{tag}, n), Details: map[string]string{},
		}
		for i := range n {
			a.Details[fmt.Sprint(key, i)] = value
		}
		got := a.Fit()
		assert.Equal(t, got, got.Fit(), "not idempotent")
		total := 0
		for k, v := range got.Details {
			total += utf8.RuneCountInString(k) + utf8.RuneCountInString(v)
			checkText(t, k, opsgenie.MaxDetails, true)
			checkText(t, v, opsgenie.MaxDetails, false)
		}
		assert.LessOrEqual(t, total, opsgenie.MaxDetails)
		assert.LessOrEqual(t, len(got.Tags), opsgenie.MaxTags)
		for _, tag := range got.Tags {
			checkText(t, tag, opsgenie.MaxTag, true)
		}
		checkText(t, got.Message, opsgenie.MaxMessage, true)
		checkText(t, got.Alias, opsgenie.MaxAlias, true)
		checkText(t, got.Entity, opsgenie.MaxEntity, true)
		checkText(t, got.Source, opsgenie.MaxSource, true)
		checkText(t, got.Description, opsgenie.MaxDescription, false)
		checkText(t, got.Note, opsgenie.MaxNote, false)
	})
}

func checkText(t *testing.T, s string, max int, oneLine bool) {
	t.Helper()
	assert.True(t, utf8.ValidString(s))
	assert.LessOrEqual(t, utf8.RuneCountInString(s), max)
	assert.False(t, strings.ContainsAny(s, "\x00\r\u202e\u200b"))
	if oneLine {
		assert.False(t, strings.ContainsAny(s, "\n\t"))
	}
}
