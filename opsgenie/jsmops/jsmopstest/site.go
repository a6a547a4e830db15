// Package jsmopstest is the operations API of a Jira site, for tests: it shows
// the alerts of an [opsgenietest.Fake] as Jira Service Management does, to an
// account instead of a key. The faults of the Fake are met here as well.
package jsmopstest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// The site's id and the account that may read.
const (
	CloudID = "11111111-2222-3333-4444-555555555555"
	Email   = "reader@example.com"
	Token   = "ATATT-a-token-for-tests"
)

const (
	defaultSize = 20
	maxSize     = 100
)

// Site serves the API, and the address that tells the site's id. It is safe for
// concurrent use.
type Site struct {
	// Alerts are what it shows. Its options must take any key.
	Alerts *opsgenietest.Fake
	// Blind says whether the account may not read alerts: then lists are empty,
	// and no alert is there.
	Blind func() bool
}

// ServeHTTP answers a call.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if r.Method == http.MethodGet && r.URL.Path == "/_edge/tenant_info" {
		reply(w, http.StatusOK, map[string]string{"cloudId": CloudID})
		return
	}
	if len(path) < 6 || strings.Join(path[:3], "/") != "jsm/ops/api" || path[4] != "v1" || path[5] != "alerts" {
		refuse(w, http.StatusNotFound, "No such endpoint")
		return
	}
	if email, token, ok := r.BasicAuth(); !ok || email != Email || token != Token {
		refuse(w, http.StatusUnauthorized, "Client must be authenticated to access this resource.")
		return
	}
	if path[3] != CloudID {
		refuse(w, http.StatusNotFound, "No such site")
		return
	}
	if r.Method != http.MethodGet {
		refuse(w, http.StatusMethodNotAllowed, "This site is for reading")
		return
	}
	blind := s.Blind != nil && s.Blind()
	switch rest := path[6:]; {
	case len(rest) == 0:
		s.list(w, r, "/v2/alerts", listItem, blind)
	case len(rest) == 1 && blind:
		refuse(w, http.StatusNotFound, "Alert not found")
	case len(rest) == 1:
		s.get(w, r, rest[0])
	case len(rest) == 2 && rest[1] == "notes":
		s.list(w, r, "/v2/alerts/"+rest[0]+"/notes", noteItem, blind)
	default:
		refuse(w, http.StatusNotFound, "No such endpoint")
	}
}

// list answers with a page of what path lists: in "values", with relative links.
func (s *Site) list(w http.ResponseWriter, r *http.Request, path string, item func(map[string]any) map[string]any, blind bool) {
	q := r.URL.Query()
	if q.Has("limit") {
		refuse(w, http.StatusBadRequest, "limit is not a parameter: use size")
		return
	}
	size, err := strconv.Atoi(q.Get("size"))
	if q.Get("size") == "" {
		size, err = defaultSize, nil
	}
	if err != nil || size < 1 || size > maxSize {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("size must be from 1 to %d", maxSize))
		return
	}
	q.Del("size")
	q.Set("limit", strconv.Itoa(size))
	var found struct {
		Data   []map[string]any
		Paging struct{ Next string }
	}
	if !s.ask(w, r, path, q, &found) {
		return
	}
	if blind {
		found.Data, found.Paging.Next = nil, ""
	}
	values := []map[string]any{}
	for _, d := range found.Data {
		values = append(values, item(d))
	}
	links := map[string]string{}
	if next, err := url.Parse(found.Paging.Next); err == nil && found.Paging.Next != "" {
		q := next.Query()
		q.Del("limit")
		q.Set("size", strconv.Itoa(size))
		links["next"] = r.URL.EscapedPath() + "?" + q.Encode()
	}
	reply(w, http.StatusOK, map[string]any{"values": values, "links": links, "count": len(values)})
}

// get answers with one alert: itself, not in an envelope. It goes by the full id
// alone.
func (s *Site) get(w http.ResponseWriter, r *http.Request, id string) {
	var found struct{ Data map[string]any }
	if s.ask(w, r, "/v2/alerts/"+id, url.Values{"identifierType": {"id"}}, &found) {
		a := listItem(found.Data)
		for _, name := range []string{"description", "entity", "actions"} {
			a[name] = found.Data[name]
		}
		a["extraProperties"] = found.Data["details"]
		reply(w, http.StatusOK, a)
	}
}

// ask has the Fake answer a call of its own API. Where it does not succeed, its
// answer is passed on.
func (s *Site) ask(w http.ResponseWriter, r *http.Request, path string, q url.Values, into any) bool {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://opsgenie.test"+path+"?"+q.Encode(), nil)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return false
	}
	req.Header.Set("Authorization", "GenieKey of-the-site")
	resp, err := s.Alerts.Transport().RoundTrip(req)
	if err != nil {
		panic(http.ErrAbortHandler) // the Fake cut the connection
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if resp.StatusCode != http.StatusOK {
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(body) // the client may have left
		return false
	}
	if err := json.Unmarshal(body, into); err != nil {
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		_, _ = w.Write(body) // what a fault has put there
		return false
	}
	return true
}

// listItem is an alert of a list, of an alert of the Fake's.
func listItem(a map[string]any) map[string]any {
	out := map[string]any{"lastOccuredAt": a["lastOccurredAt"]}
	for _, name := range []string{
		"id", "tinyId", "alias", "message", "status", "acknowledged", "seen", "tags", "snoozed", "snoozedUntil",
		"count", "createdAt", "updatedAt", "source", "owner", "priority", "responders",
	} {
		if v, ok := a[name]; ok {
			out[name] = v
		}
	}
	if i, ok := a["integration"].(map[string]any); ok {
		out["integrationName"], out["integrationType"] = i["name"], i["type"]
	}
	if r, ok := a["report"].(map[string]any); ok {
		for from, to := range map[string]string{"closeTime": "closeTime", "ackTime": "ackTime"} {
			if ms, ok := r[from].(float64); ok {
				out[to] = time.UnixMilli(int64(ms)).UTC().Format(time.RFC3339)
			}
		}
	}
	return out
}

func noteItem(n map[string]any) map[string]any {
	return map[string]any{
		"id": n["offset"], "note": n["note"], "owner": n["owner"],
		"createdAt": n["createdAt"], "updatedAt": n["createdAt"],
	}
}

func refuse(w http.ResponseWriter, code int, message string) {
	reply(w, code, map[string]string{"message": message})
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client may have left
}
