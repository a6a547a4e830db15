package statuspage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

func TestTags(t *testing.T) {
	long := strings.Repeat("long ", 100) + "name"
	tests := []struct {
		name string
		tags []string
		want map[string]string // nil is no service at all
	}{
		{"none", []string{}, nil},
		{"blanks", []string{"", " ", "\t"}, nil},
		{"no tag of the page", []string{"servicename:API", "critical"}, nil},
		{"the page's tag as a part of another", []string{"statuspage2", "servicename:API", "critical"}, nil},
		{"the page's tag as a word of another", []string{"not statuspage really", "servicename:API", "critical"}, nil},
		{"no service", []string{"statuspage", "critical"}, nil},
		{"a service without a name", []string{"statuspage", "servicename:", "servicename:  ", "critical"}, nil},
		{"a prefix of the prefix", []string{"statuspage", "servicename", "service", "critical"}, nil},
		{"no severity", []string{"statuspage", "servicename:API"}, map[string]string{"API": "green"}},
		{"severities that are none", []string{"statuspage", "servicename:API", "constructor", "__proto__", "hasOwnProperty", "0", "2", "criticall", "critical!", "minor", "rot"}, map[string]string{"API": "green"}},
		{"green", []string{"statuspage", "servicename:API", "green"}, map[string]string{"API": "green"}},
		{"any case", []string{"StatusPage", "ServiceName:API", "CrItIcAl"}, map[string]string{"API": "critical"}},
		{"blanks around", []string{" statuspage ", " servicename: API ", "\tmajor\n"}, map[string]string{"API": "major"}},
		{"the worst, whatever the order", []string{"major", "green", "critical", "major", "servicename:API", "statuspage"}, map[string]string{"API": "critical"}},
		{"several services", []string{"statuspage", "servicename:b", "servicename:a", "servicename:b", "major"}, map[string]string{"a": "major", "b": "major"}},
		{"names differ by case", []string{"statuspage", "servicename:api", "servicename:API", "major"}, map[string]string{"api": "major", "API": "major"}},
		{"a name with blanks and colons", []string{"statuspage", "servicename:Web shop: EU", "major"}, map[string]string{"Web shop: EU": "major"}},
		{"all in one element", []string{"statuspage servicename:API  critical"}, map[string]string{"API": "critical"}},
		{"all in one element, with commas", []string{"critical, statuspage,servicename:API"}, map[string]string{"API": "critical"}},
		{"some in one element", []string{"statuspage servicename:API", "critical"}, map[string]string{"API": "critical"}},
		{"names that would leave their folder", []string{"statuspage", "servicename:../../x", "servicename:..", "servicename:.", "servicename:/etc/passwd", `servicename:..\x`, "servicename:.hidden", "major"}, map[string]string{
			"../../x": "major", "..": "major", ".": "major", "/etc/passwd": "major", `..\x`: "major", ".hidden": "major",
		}},
		{"names like members of objects", []string{"statuspage", "servicename:constructor", "servicename:__proto__", "servicename:null", "major"}, map[string]string{"constructor": "major", "__proto__": "major", "null": "major"}},
		{"names of every kind", []string{"statuspage", "servicename:Zürich 日本", "servicename:🔥", "servicename:a/b", "servicename:a%2Fb", "servicename:<b>", "servicename:" + long, "major"}, map[string]string{
			"Zürich 日本": "major", "🔥": "major", "a/b": "major", "a%2Fb": "major", "<b>": "major", long: "major",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore()
			p := newPage(t, s, nil)
			apply(t, p, event(create, "a", 0, tt.tags...))
			want := map[string]string{}
			for name, state := range tt.want {
				if want[name] = state; state != "green" {
					want[name] += " message of a"
				}
			}
			assert.Equal(t, want, look(p))
			assert.Equal(t, want, look(newPage(t, s, nil)), "in another process")
			requireMirrors(t, s, p)
			for _, key := range s.keys() {
				requireSafe(t, key)
			}
		})
	}
}

func TestTagsOfOnesOwn(t *testing.T) {
	p, err := statuspage.New(t.Context(), statuspage.Config{
		Store: newStore(), InsecureWebhook: true, PageTag: "öffentlich", ServiceTagPrefix: "dienst=",
	})
	require.NoError(t, err)
	apply(t, p,
		event(create, "a", 0, "Öffentlich", "DIENST=API", "servicename:Web", "critical"),
		event(create, "b", 0, "statuspage", "dienst=Web", "critical"),
	)
	assert.Equal(t, map[string]string{"API": "critical message of a"}, look(p))
}

// TestUntoldTimes: what comes without a time never lowers a state, since nobody
// knows what it is newer than. But a closing is one.
func TestUntoldTimes(t *testing.T) {
	timeless := func(e opsgenie.Event) opsgenie.Event {
		e.Alert.CreatedAt, e.Alert.UpdatedAt = t0.AddDate(-2000, 0, 0), t0.AddDate(500, 0, 0)
		return e
	}
	raise, lower := timeless(event(create, "a", 0, tagged("API", "critical")...)), timeless(event(removeTags, "a", 0, "statuspage", "servicename:API"))
	for name, events := range map[string][]opsgenie.Event{"in order": {raise, lower}, "out of order": {lower, raise}, "doubled": {lower, raise, lower}} {
		t.Run(name, func(t *testing.T) {
			p := newPage(t, newStore(), nil)
			apply(t, p, events...)
			assert.Equal(t, map[string]string{"API": "critical message of a"}, look(p))
			r := p.Snapshot().Service("API")
			assert.Len(t, r.ByDay(r.Since.AddDate(0, 0, 1)), 2, "it is as old as we know it")
			apply(t, p, timeless(event(closed, "a", 0)))
			assert.Equal(t, map[string]string{"API": "green"}, look(p))
		})
	}
}

// requireSafe holds a key to the contract of Store.
func requireSafe(t testing.TB, key string) {
	t.Helper()
	require.LessOrEqual(t, len(key), 300)
	for segment := range strings.SplitSeq(key, "/") {
		require.NotEmpty(t, segment)
		require.NotEqual(t, byte('.'), segment[0], key)
		require.NotEqual(t, byte(' '), segment[0], key)
		require.Empty(t, strings.Trim(segment, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-% "), key)
	}
	require.Len(t, strings.Split(key, "/"), 2, key)
}

func FuzzKey(f *testing.F) {
	for _, pair := range [][2]string{
		{"", "%"},
		{"a", "A"},
		{"a/b", "a%2Fb"},
		{"..", "."},
		{"a ", "a"},
		{" a", "a"},
		{"\x00", ""},
		{"%", "%%"},
		{strings.Repeat("ü", 100), strings.Repeat("ü", 101)},
		{strings.Repeat("a", 200), strings.Repeat("a", 201)},
		{"ü", "\xfc"},
		{"con", "nul"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		ka, kb := statuspage.KeyOf("services/", a), statuspage.KeyOf("services/", b)
		requireSafe(t, ka)
		requireSafe(t, kb)
		assert.Equal(t, a == b, ka == kb, "%q %q", ka, kb)
	})
}

// FuzzApply takes bodies of every kind, twice each, and holds the page to what
// must be true whatever came.
func FuzzApply(f *testing.F) {
	for _, body := range []string{
		`{"action":"AddTags","integrationId":"37c8f316","integrationName":"page","integrationType":"Webhook","source":{"name":"","type":"web"},"alert":{"alertId":"052652ac-5d1c-464a-812a-7dd18bbfba8c","tinyId":"23","alias":"api-down","message":"API errors","tags":["statuspage","servicename:API","critical"],"addedTags":"statuspage,critical","teams":[],"entity":"","source":"web","createdAt":1762000000000,"updatedAt":1762000060000000001,"username":"a@example.com","priority":"P2","oldPriority":"P2"}}`,
		`{"action":"Delete","alert":{"alertId":"052652ac-5d1c-464a-812a-7dd18bbfba8c","tinyId":"23","alias":"api-down","message":"API errors"},"source":{"name":"","type":"API"}}`,
		`{"action":"Escalate","escalationId":"e1","escalationName":"ops","escalationTime":5,"alert":{"alertId":"052652ac-5d1c-464a-812a-7dd18bbfba8c"}}`,
		`{"action":"RemoveTags","alert":{"alertId":"x","removedTags":"servicename:API,statuspage","tags":[]}}`,
		`{"action":"AddTags","alert":{"alertId":"x","addedTags":"servicename:API,critical,statuspage"}}`,
		`{"action":"AddNote","alert":{"alertId":"x","note":"n","tags":["statuspage servicename:../../x major"],"updatedAt":"9999-12-31T23:59:59-10:00","createdAt":"0001-01-01T00:00:00Z"}}`,
		`{"action":"Close","alert":{"alertId":"../x","tags":["statuspage","servicename:\ud800","major"],"updatedAt":-1}}`,
		`{"action":"😀","alert":{"alertId":0,"tags":{"a":1},"createdAt":1e300}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := opsgenie.ReadEvent(bytes.NewReader(body))
		if err != nil {
			t.Skip()
		}
		s := newStore()
		p := newPage(t, s, nil)
		before := event(create, e.Alert.ID, 0, tagged("API", "major")...)
		apply(t, p, e, before, e)
		once := look(p)
		apply(t, p, before, e)
		assert.Equal(t, once, look(p))
		requireMirrors(t, s, p)
		for _, key := range s.keys() {
			requireSafe(t, key)
			require.True(t, json.Valid([]byte(s.text(key))), key)
		}
		assert.Equal(t, fmt.Sprint(once), fmt.Sprint(look(newPage(t, s, nil))), "in another process")
		for _, r := range p.Snapshot().Services {
			assert.LessOrEqual(t, len(r.ByDay(at(24*60))), 367)
		}
	})
}
