package awslambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/awslambda"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

// alerts is an Alert API that answers as a test says.
type alerts struct {
	open []opsgenie.Alert
	err  error
	hang bool
	asks int
}

func (a *alerts) Open(ctx context.Context, _ string) iter.Seq2[opsgenie.Alert, error] {
	return func(yield func(opsgenie.Alert, error) bool) {
		a.asks++
		if a.hang {
			<-ctx.Done()
			yield(opsgenie.Alert{}, ctx.Err())
			return
		}
		for _, one := range a.open {
			if !yield(one, nil) {
				return
			}
		}
		if a.err != nil {
			yield(opsgenie.Alert{}, a.err)
		}
	}
}

func (a *alerts) Get(context.Context, string) (opsgenie.Alert, error) {
	return opsgenie.Alert{}, &opsgenie.Error{Status: http.StatusNotFound}
}

// fixture is a function with a page in memory.
type fixture struct {
	t         *testing.T
	store     *memstore.Store
	alerts    *alerts
	page      *statuspage.Page
	function  *awslambda.Function
	published []statuspage.State // what visitors of the published page see
	publish   error

	publishHangs bool
	before       func() // is called with the page's state read, before it is written
	fail         bool   // whether webhooks are answered with 503
}

func newFixture(t *testing.T, store *memstore.Store) *fixture {
	t.Helper()
	f := &fixture{t: t, store: store, alerts: &alerts{}}
	var err error
	f.page, err = statuspage.New(t.Context(), statuspage.Config{
		Store: store, Alerts: f.alerts, WebhookKeys: []string{"a-key-for-the-tests"}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhook", func(w http.ResponseWriter, r *http.Request) {
		e, err := opsgenie.ReadEvent(r.Body)
		if err != nil || f.fail || f.page.Apply(r.Context(), e) != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("DELETE /api/incidents/{id}", func(w http.ResponseWriter, r *http.Request) {
		if known, err := f.page.Hide(r.Context(), r.PathValue("id")); err != nil || !known {
			http.NotFound(w, r)
		}
	})
	mux.HandleFunc("GET /api/services/{name}", func(w http.ResponseWriter, r *http.Request) {
		if s := f.page.Snapshot().Service(r.PathValue("name")); s != nil {
			io.WriteString(w, string(s.State))
			return
		}
		http.NotFound(w, r)
	})
	f.function = awslambda.New(awslambda.Config{
		Page: f.page, Handler: mux, Logger: slog.New(slog.DiscardHandler),
		Publish: func(ctx context.Context) error {
			if f.publish != nil {
				return f.publish
			}
			if f.publishHangs {
				<-ctx.Done()
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			state, _ := f.page.Snapshot().State()
			if f.before != nil {
				f.before()
			}
			f.published = append(f.published, state)
			return nil
		},
	})
	return f
}

// invoke has the function answer an event within its time.
func (f *fixture) invoke(event any) (any, error) {
	f.t.Helper()
	raw, ok := event.(string)
	if !ok {
		doc, err := json.Marshal(event)
		require.NoError(f.t, err)
		raw = string(doc)
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	return f.function.Invoke(ctx, json.RawMessage(raw))
}

func (f *fixture) request(event any) events.APIGatewayV2HTTPResponse {
	f.t.Helper()
	out, err := f.invoke(event)
	require.NoError(f.t, err)
	return out.(events.APIGatewayV2HTTPResponse)
}

func (f *fixture) get(path string) events.APIGatewayV2HTTPResponse {
	f.t.Helper()
	e := f.event("page.json")
	e.RawPath = path
	return f.request(e)
}

func (f *fixture) event(name string) events.APIGatewayV2HTTPRequest {
	f.t.Helper()
	doc, err := os.ReadFile("testdata/" + name)
	require.NoError(f.t, err)
	var e events.APIGatewayV2HTTPRequest
	require.NoError(f.t, json.Unmarshal(doc, &e))
	return e
}

// webhook is that of an action on the alert of testdata/webhook.json.
func (f *fixture) webhook(action string) events.APIGatewayV2HTTPRequest {
	f.t.Helper()
	e := f.event("webhook.json")
	e.Body = strings.Replace(e.Body, `"action":"Create"`, `"action":"`+action+`"`, 1)
	return e
}

const (
	schedule = `{"routewatch":"reconcile"}`
	rule     = `{"version":"0","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`
)

func TestOtherEventsFail(t *testing.T) {
	f := newFixture(t, memstore.New())
	for _, event := range []string{
		`{}`, `null`, `[]`, `"reconcile"`, `{"routewatch":"delete"}`,
		`{"version":"1.0","httpMethod":"GET","path":"/"}`,
		`{"version":"1.0","requestContext":{"http":{"method":"GET"}}}`,
		`{"version":"2.0","requestContext":{"http":{"method":"GET"}},"headers":7}`,
	} {
		_, err := f.invoke(event)
		assert.Error(t, err, event)
	}
}

func TestWebhookIsStoredAndPublished(t *testing.T) {
	f := newFixture(t, memstore.New())
	require.Equal(t, 200, f.request(f.webhook("Create")).StatusCode)
	assert.Equal(t, "critical", f.get("/api/services/API").Body)
	assert.Equal(t, []statuspage.State{statuspage.Critical}, f.published)
	assert.Zero(t, f.alerts.asks, "a Create asks for nothing")

	require.Equal(t, 200, f.request(f.webhook("Close")).StatusCode)
	assert.Equal(t, 1, f.alerts.asks, "others may be open")
	assert.Equal(t, "green", f.get("/api/services/API").Body)
	assert.Equal(t, []statuspage.State{statuspage.Critical, statuspage.Green}, f.published)
}

// What was taken back is gone from the published page at once, also where another
// instance knew of it alone.
func TestHiddenIncidentIsPublished(t *testing.T) {
	store := memstore.New()
	f, other := newFixture(t, store), newFixture(t, store)
	require.Equal(t, 200, other.request(other.webhook("Create")).StatusCode)
	e := f.event("webhook.json")
	e.RequestContext.HTTP.Method, e.RawPath, e.Body = http.MethodDelete, "/api/incidents/nothing", ""
	assert.Equal(t, 404, f.request(e).StatusCode)
	assert.Empty(t, f.published)
	id := f.page.Snapshot().Incidents()[0].ID
	e.RawPath = "/api/incidents/" + id
	assert.Equal(t, 200, f.request(e).StatusCode)
	assert.Empty(t, f.page.Snapshot().Incidents())
	assert.Equal(t, []statuspage.State{statuspage.Critical}, f.published)
}

func TestRefusedWebhookHasNoConsequences(t *testing.T) {
	store := memstore.New()
	f, other := newFixture(t, store), newFixture(t, store)
	require.Equal(t, 200, other.request(other.webhook("Create")).StatusCode)
	f.fail = true
	assert.Equal(t, 503, f.request(f.webhook("Close")).StatusCode)
	e := f.webhook("Create")
	e.Body, e.IsBase64Encoded = "no base64", true
	assert.Equal(t, 400, f.request(e).StatusCode)
	assert.Empty(t, f.published)
}

// The event is stored: what fails after it is the schedule's to mend.
func TestWebhookIsAnsweredWhateverFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, memstore.New())
		require.Equal(t, 200, f.request(f.webhook("Create")).StatusCode)
		f.alerts.hang, f.publish = true, errors.New("no bucket")
		began := time.Now()
		assert.Equal(t, 200, f.request(f.webhook("Close")).StatusCode)
		assert.LessOrEqual(t, time.Since(began), 2*time.Second, "Opsgenie waits for the answer")

		f.publish, f.publishHangs = nil, true
		began = time.Now()
		assert.Equal(t, 200, f.request(f.webhook("Close")).StatusCode)
		assert.LessOrEqual(t, time.Since(began), 2*time.Second)

		asks := f.alerts.asks
		f.alerts.hang, f.publishHangs, f.published = false, false, nil
		assert.Equal(t, 200, f.request(f.webhook("AddNote")).StatusCode)
		assert.Equal(t, asks+1, f.alerts.asks, "what a close asked for is still to be done")
		f.published = nil
		_, err := f.invoke(schedule)
		require.NoError(t, err)
		assert.Equal(t, []statuspage.State{statuspage.Green}, f.published)
	})
}

func TestSchedule(t *testing.T) {
	for _, event := range []string{schedule, rule} {
		f := newFixture(t, memstore.New())
		f.alerts.open = []opsgenie.Alert{{
			ID: "a1", Status: "open", Message: "Mail is slow", Tags: []string{"statuspage", "servicename:Mail", "major"}, CreatedAt: time.Now(),
		}}
		out, err := f.invoke(event)
		require.NoError(t, err)
		assert.Equal(t, awslambda.Summary{State: statuspage.Major, Services: 1}, out)
		assert.Equal(t, []statuspage.State{statuspage.Major}, f.published)
		_, err = f.invoke(event)
		require.NoError(t, err)
		assert.Len(t, f.published, 2, "a file that somebody deleted comes back")
	}
}

// An invocation that fails shows in the function's errors, which an operator may
// have an alarm on. The page is published even so.
func TestScheduleFailsWhereTheAlertAPIDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, memstore.New())
		f.alerts.err = errors.New("down")
		_, err := f.invoke(schedule)
		assert.ErrorContains(t, err, "down")
		assert.Len(t, f.published, 1)

		f.alerts.err, f.alerts.hang = nil, true
		began := time.Now()
		_, err = f.invoke(schedule)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(began), time.Minute, "before Lambda ends it")
		assert.Len(t, f.published, 2)

		f.alerts.hang, f.publish = false, errors.New("no bucket")
		_, err = f.invoke(schedule)
		assert.ErrorContains(t, err, "no bucket")
	})
}

// One that publishes what it knew a moment ago must notice.
func TestWhoPublishesLastHasSeenTheNewest(t *testing.T) {
	store := memstore.New()
	one, two := newFixture(t, store), newFixture(t, store)
	e := two.event("webhook.json")
	e.Body = strings.NewReplacer("servicename:API", "servicename:Mail", "052652ac", "152652ac").Replace(e.Body)
	one.before = func() { // while it publishes, the other one stores and publishes
		one.before = nil
		require.Equal(t, 200, two.request(e).StatusCode)
	}
	require.Equal(t, 200, one.request(one.webhook("Close")).StatusCode)
	assert.Equal(t, statuspage.Critical, two.published[len(two.published)-1])
	assert.Equal(t, statuspage.Green, one.published[0])
	assert.Equal(t, statuspage.Critical, one.published[len(one.published)-1])
}

// Instances do not know of each other: what one stores, another must read.
func TestInstancesSeeEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		one, two, three := newFixture(t, store), newFixture(t, store), newFixture(t, store)
		require.Equal(t, 200, one.request(one.webhook("Create")).StatusCode)
		assert.Equal(t, 404, two.get("/api/services/API").StatusCode, "the store is not read for every visitor")
		// Not every event has tags: which page its alert is on is known to the store.
		four := newFixture(t, memstore.New())
		note := `{"action":"AddNote","alert":{"alertId":"052652ac-5d1c-464a-812a-7dd18bbfba8c","note":"We are on it.","updatedAt":1762000060000}}`
		e := one.event("webhook.json")
		e.Body = note
		require.Equal(t, 200, three.request(e).StatusCode)
		require.Equal(t, 200, four.request(e).StatusCode)
		assert.Len(t, three.page.Snapshot().Incidents()[0].Updates, 1)
		assert.Empty(t, four.page.Snapshot().Services)

		time.Sleep(5 * time.Second)
		assert.Equal(t, "critical", two.get("/api/services/API").Body)

		// A Delete has no tags: which service it is for is known to the store.
		e.Body = `{"action":"Delete","alert":{"alertId":"052652ac-5d1c-464a-812a-7dd18bbfba8c"}}`
		require.Equal(t, 200, three.request(e).StatusCode)
		assert.Equal(t, "green", three.get("/api/services/API").Body)
	})
}

func TestStreamIsEndedForGood(t *testing.T) {
	f := newFixture(t, memstore.New())
	assert.Equal(t, http.StatusNoContent, f.get("/events").StatusCode)
}
