package opsgenietest_test

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

func TestPage(t *testing.T) {
	f := opsgenietest.NewFake(t, &opsgenietest.Options{Prefix: "/base"})
	show := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		require.Equal(t, 200, w.Code)
		return w
	}
	assert.Contains(t, show("/").Body.String(), "No alerts yet")
	alert := f.Raise(opsgenie.NewAlert{
		Message: `<script>alert("m")</script>`, Alias: `"><s>`, Tags: []string{"<i>"}, Description: "<u>d",
		Details: map[string]string{"<k>": "<v>"}, Note: "<n>", Priority: "P1",
		Responders: []opsgenie.Responder{{Type: opsgenie.Team, Name: "<ops>"}},
	})
	for _, path := range []string{"/", "/base/"} {
		w := show(path)
		body := w.Body.String()
		assert.Contains(t, body, "&lt;script&gt;")
		for _, bad := range []string{"<script>", "<s>", "<i></li>", "<u>d", "<k>", "<v>", "<n>", "<ops>", "ZgotmplZ"} {
			assert.NotContains(t, body, bad)
		}
		assert.Contains(t, w.Header().Get("Content-Security-Policy"), "script-src 'self'")
	}
	assert.Contains(t, show("/page.css").Header().Get("Content-Type"), "text/css")
	assert.Contains(t, show("/base/page.js").Header().Get("Content-Type"), "javascript")
	assert.Empty(t, f.Calls(), "the page is no call")

	tests := []struct {
		name, path, site string
		status           int
		acknowledged     bool
		open             bool
	}{
		{"another site", "/alerts/" + alert.ID + "/close", "cross-site", 403, false, true},
		{"no such button", "/alerts/" + alert.ID + "/delete", "same-origin", 404, false, true},
		{"no such alert", "/alerts/none/close", "same-origin", 303, false, true},
		{"acknowledge", "/alerts/" + alert.ID + "/acknowledge", "same-origin", 303, true, true},
		{"close", "/base/alerts/" + alert.ID + "/close", "same-origin", 303, true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", test.path, nil)
			r.Header.Set("Sec-Fetch-Site", test.site)
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			assert.Equal(t, test.status, w.Code)
			got := f.Alerts()[0]
			assert.Equal(t, test.acknowledged, got.Acknowledged)
			assert.Equal(t, test.open, got.Open())
		})
	}
	assert.Contains(t, show("/").Body.String(), "by you, on the page")
}

func TestPageShowsTheOpenOnesFirst(t *testing.T) {
	f := opsgenietest.NewFake(t, nil)
	for range 101 {
		f.Raise(opsgenie.NewAlert{Message: "closed one"})
	}
	for _, alert := range f.Alerts() {
		_, err := f.Do(opsgenietest.Act{Name: opsgenietest.ActClose, Ref: opsgenie.ID(alert.ID)})
		require.NoError(t, err)
	}
	alert := f.Raise(opsgenie.NewAlert{Message: "open one", Alias: "a"})
	f.Raise(opsgenie.NewAlert{Message: "newest"})
	_, err := f.Do(opsgenietest.Act{Name: opsgenietest.ActSnooze, Ref: opsgenie.ID(alert.ID), Until: alert.CreatedAt.AddDate(1, 0, 0)})
	require.NoError(t, err)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	body := w.Body.String()
	assert.Less(t, strings.Index(body, "newest"), strings.Index(body, "open one"))
	assert.Less(t, strings.Index(body, "open one"), strings.Index(body, "closed one"))
	assert.Contains(t, body, "3 more are not shown")
	assert.Contains(t, body, "snoozed until")
}

// A program with a fake in it gets no flags of the testing packages.
func TestImportsNoTesting(t *testing.T) {
	list := func(args ...string) []string {
		out, err := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...).Output()
		require.NoError(t, err)
		return strings.Fields(strings.Trim(string(out), "[]\n"))
	}
	deps := list("-deps", ".")
	assert.Contains(t, deps, "net/http")
	assert.NotContains(t, deps, "testing")
	assert.NotContains(t, deps, "net/http/httptest")
	for _, dep := range list("-f", "{{.Imports}}", ".") {
		if host, _, _ := strings.Cut(dep, "/"); strings.Contains(host, ".") {
			assert.Contains(t, []string{
				"github.com/routewatch/routewatch/opsgenie",
				"github.com/routewatch/routewatch/internal/faults",
				"github.com/routewatch/routewatch/internal/inprocess",
			}, dep)
		}
	}
}
