package statuspage_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
	"github.com/routewatch/routewatch/statuspage"
)

// desk is a page beside an Opsgenie whose webhooks may get lost.
type desk struct {
	*testing.T
	og    *opsgenietest.Fake
	store *store
	page  *statuspage.Page
	deaf  bool // webhooks get lost
}

func newDesk(t *testing.T, opts *opsgenietest.Options) *desk {
	d := &desk{T: t, og: opsgenietest.NewFake(t, opts), store: newStore()}
	d.page = newPage(t, batch{d.store}, d.alerts())
	require.NoError(t, d.og.AddWebhook(opsgenietest.Webhook{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		e, err := opsgenie.ReadEvent(r.Body)
		assert.NoError(t, err)
		if !d.deaf {
			assert.NoError(t, d.page.Apply(r.Context(), e))
		}
	})}))
	return d
}

func (d *desk) alerts() statuspage.Alerts {
	c, err := opsgenie.New(opsgenie.Config{APIKey: "page-key", BaseURL: opsgenie.EU, Transport: d.og.Transport()})
	require.NoError(d, err)
	return statuspage.ClientAlerts(c)
}

// raise creates an alert and returns its id. What is done is a second apart.
func (d *desk) raise(message string, tags ...string) string {
	time.Sleep(time.Second)
	a := d.og.Raise(opsgenie.NewAlert{Message: message, Alias: message, Tags: tags})
	require.NoError(d, d.og.Settle(d.Context()))
	return a.ID
}

func (d *desk) do(id, act string, tags ...string) {
	time.Sleep(time.Second)
	_, err := d.og.Do(opsgenietest.Act{Name: act, Ref: opsgenie.ID(id), Tags: tags})
	require.NoError(d, err)
	require.NoError(d, d.og.Settle(d.Context()))
}

func (d *desk) reconcile() { require.NoError(d, d.page.Reconcile(d.Context())) }

func (d *desk) requireLook(states ...string) {
	d.Helper()
	want := map[string]string{}
	for n := 0; n < len(states); n += 2 {
		want[states[n]] = states[n+1]
	}
	require.Equal(d, want, look(d.page))
}

// failing are the ways in which the Alert API gives no answer that is one.
func failing(op opsgenietest.Op) map[string]opsgenietest.Fault {
	limited := opsgenietest.RateLimited(time.Minute)
	limited.Op, limited.Times = op, -1
	return map[string]opsgenietest.Fault{
		"429":          limited,
		"500":          {Op: op, Status: 500, Times: -1},
		"503 of a CDN": {Op: op, Status: 503, Body: "<html>", Times: -1},
		"401":          {Op: op, Status: 401, Times: -1},
		"403":          {Op: op, Status: 403, Times: -1},
		"hangs":        {Op: op, Hang: true, Times: -1},
		"cut before":   {Op: op, Cut: opsgenietest.CutBefore, Times: -1},
		"cut inside":   {Op: op, Cut: opsgenietest.CutMiddle, Times: -1},
		"200, no JSON": {Op: op, Status: 200, Body: "<html>log in</html>", Times: -1},
	}
}

func TestReconcileFails(t *testing.T) {
	for _, end := range ends {
		for _, op := range []opsgenietest.Op{opsgenietest.OpList, opsgenietest.OpGet} {
			for name, fault := range failing(op) {
				t.Run(end.Name+", "+string(op)+" "+name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { endWhileFailing(t, end, fault) })
				})
			}
		}
	}
}

// endWhileFailing ends alerts, told and untold, while the Alert API fails.
func endWhileFailing(t *testing.T, end opsgenietest.Act, fault opsgenietest.Fault) {
	d := newDesk(t, &opsgenietest.Options{ListLag: 30 * time.Second})
	x := d.raise("x", tagged("API", "major")...)
	d.og.Inject(fault)
	require.Error(t, d.page.Reconcile(t.Context()))
	d.requireLook("API", "major x")

	// Before the first success nothing is lowered, not even by an end.
	y := d.raise("y", tagged("API", "critical")...)
	d.do(y, end.Name, end.Tags...)
	d.requireLook("API", "critical y")
	require.Error(t, d.page.Reconcile(t.Context()))
	d.requireLook("API", "critical y")

	d.og.ClearFaults()
	d.reconcile()
	d.requireLook("API", "major x")

	// From then on the records decide.
	d.og.Inject(fault)
	d.do(x, end.Name, end.Tags...)
	d.requireLook("API", "green")
	z := d.raise("z", tagged("API", "critical")...)
	d.requireLook("API", "critical z")

	// What has ended there and was not told is not believed of a failure.
	d.deaf = true
	d.do(z, end.Name, end.Tags...)
	require.Error(t, d.page.Reconcile(t.Context()))
	d.requireLook("API", "critical z")
	d.og.ClearFaults()
	d.reconcile()
	d.requireLook("API", "green")
}

func TestReconcile(t *testing.T) {
	tests := []struct {
		name string
		opts opsgenietest.Options
		run  func(d *desk)
	}{
		{"an empty list turns nothing green", opsgenietest.Options{}, func(d *desk) {
			d.raise("x", tagged("API", "major")...)
			d.og.Inject(opsgenietest.Fault{Op: opsgenietest.OpList, Status: 200, Body: `{"data":[],"paging":{}}`, Times: -1})
			d.reconcile()
			d.requireLook("API", "major x")
		}},
		{"closed there, and the Close got lost", opsgenietest.Options{}, func(d *desk) {
			x := d.raise("x", tagged("API", "major")...)
			d.deaf = true
			d.do(x, opsgenietest.ActClose)
			d.requireLook("API", "major x")
			d.reconcile()
			d.requireLook("API", "green")
		}},
		{"deleted there, and the Delete got lost", opsgenietest.Options{}, func(d *desk) {
			x := d.raise("x", tagged("API", "major")...)
			d.deaf = true
			d.do(x, opsgenietest.ActDelete)
			d.reconcile()
			d.requireLook("API", "green")
		}},
		{"open there, and the Create got lost", opsgenietest.Options{}, func(d *desk) {
			d.deaf = true
			d.raise("x", tagged("API", "major")...)
			d.raise("y", tagged("Web", "green")...)
			d.raise("z", "statuspage", "servicename:Dark")
			d.requireLook()
			d.reconcile()
			d.requireLook("API", "major x", "Web", "green", "Dark", "green")
		}},
		{"a Close recomputes what was open before there was a page", opsgenietest.Options{}, func(d *desk) {
			d.deaf = true
			d.raise("old", tagged("API", "major")...)
			d.deaf = false
			x := d.raise("x", tagged("API", "critical")...)
			d.do(x, opsgenietest.ActClose)
			d.requireLook("API", "critical x") // only raised as yet
			d.reconcile()
			d.requireLook("API", "major old")
		}},
		{"more than a page of alerts", opsgenietest.Options{}, func(d *desk) {
			d.deaf = true
			for n := range 250 {
				d.raise(fmt.Sprint("x", n), tagged("API", "major")...)
			}
			last := d.raise("last", tagged("API", "critical")...)
			d.reconcile()
			d.requireLook("API", "critical last")
			require.Len(d, d.page.Snapshot().Service("API").Incidents, 251)
			d.deaf = false
			d.do(last, opsgenietest.ActClose)
			d.requireLook("API", "major x0")
		}},
		{"a page of the list fails", opsgenietest.Options{}, func(d *desk) {
			d.deaf = true
			for n := range 150 {
				d.raise(fmt.Sprint("x", n), tagged("API", "major")...)
			}
			d.raise("last", tagged("Web", "critical")...)
			d.og.Inject(opsgenietest.Fault{Op: opsgenietest.OpList, Status: 500, Match: func(r *http.Request) bool {
				return r.URL.Query().Get("offset") == "100"
			}})
			require.Error(d, d.page.Reconcile(d.Context()))
			d.requireLook("API", "major x0")
			d.reconcile()
			d.requireLook("API", "major x0", "Web", "critical last")
		}},
		{"acknowledged and snoozed there", opsgenietest.Options{}, func(d *desk) {
			d.deaf = true
			x := d.raise("x", tagged("API", "major")...)
			y := d.raise("y", tagged("Web", "critical")...)
			d.do(x, opsgenietest.ActAcknowledge)
			_, err := d.og.Do(opsgenietest.Act{Name: opsgenietest.ActSnooze, Ref: opsgenie.ID(y), Until: time.Now().Add(time.Hour)})
			require.NoError(d, err)
			require.NoError(d, d.og.Settle(d.Context()))
			d.reconcile()
			d.requireLook("API", "major x", "Web", "critical y")
			d.reconcile()
			d.requireLook("API", "major x", "Web", "critical y")
		}},
		{"just closed and still listed", opsgenietest.Options{ListLag: time.Minute}, func(d *desk) {
			x := d.raise("x", tagged("API", "major")...)
			time.Sleep(2 * time.Minute)
			d.reconcile()
			d.do(x, opsgenietest.ActClose)
			d.requireLook("API", "green")
			d.reconcile()
			d.requireLook("API", "green")
			time.Sleep(2 * time.Minute)
			d.reconcile()
			d.requireLook("API", "green")
		}},
		{"just opened and not listed yet", opsgenietest.Options{ListLag: time.Minute}, func(d *desk) {
			d.raise("x", tagged("API", "major")...)
			d.reconcile()
			d.requireLook("API", "major x")
			time.Sleep(2 * time.Minute)
			d.reconcile()
			d.requireLook("API", "major x")
		}},
		{"listed with the tags of before", opsgenietest.Options{ListLag: time.Minute}, func(d *desk) {
			x := d.raise("x", tagged("API", "major")...)
			time.Sleep(2 * time.Minute)
			d.reconcile()
			d.do(x, opsgenietest.ActAddTags, "critical")
			d.reconcile()
			d.requireLook("API", "critical x")
			d.do(x, opsgenietest.ActRemoveTags, "critical", "major")
			d.reconcile()
			d.requireLook("API", "green")
		}},
		{"tags changed, and the webhooks got lost", opsgenietest.Options{}, func(d *desk) {
			x := d.raise("x", tagged("API", "major")...)
			d.deaf = true
			d.do(x, opsgenietest.ActAddTags, "servicename:Web", "critical")
			d.do(x, opsgenietest.ActRemoveTags, "servicename:API")
			d.reconcile()
			d.requireLook("API", "green", "Web", "critical x")
			d.do(x, opsgenietest.ActRemoveTags, "statuspage")
			d.reconcile()
			d.requireLook("API", "green", "Web", "green")
		}},
		{"an index that matches words", opsgenietest.Options{LooseTags: true}, func(d *desk) {
			d.deaf = true
			d.raise("x", "not statuspage really", "servicename:API", "major")
			d.raise("y", tagged("Web", "major")...)
			d.reconcile()
			d.requireLook("Web", "major y")
		}},
		{"a Get that is about another alert", opsgenietest.Options{}, func(d *desk) {
			x := d.raise("x", tagged("API", "major")...)
			d.og.Inject(
				opsgenietest.Fault{Op: opsgenietest.OpList, Status: 200, Body: `{"data":[]}`},
				opsgenietest.Fault{Op: opsgenietest.OpGet, Status: 200, Body: `{"data":{"id":"other","status":"closed"}}`},
			)
			require.Error(d, d.page.Reconcile(d.Context()))
			d.requireLook("API", "major x")
			_ = x
		}},
		{"a Get whose answer is a proxy's", opsgenietest.Options{ListLag: time.Minute}, func(d *desk) {
			d.raise("x", tagged("API", "major")...)
			d.og.Inject(opsgenietest.Fault{Op: opsgenietest.OpGet, Status: 404, Body: "<html>no such page</html>", Header: http.Header{"Content-Type": {"text/html"}}, Times: -1})
			require.ErrorContains(d, d.page.Reconcile(d.Context()), "is a proxy in between?")
			d.requireLook("API", "major x")
		}},
		{"a Get that does not tell the tags", opsgenietest.Options{}, func(d *desk) {
			x := d.raise("x", tagged("API", "major")...)
			answer := fmt.Sprintf(`{"data":{"id":%q,"status":"open","message":"secret","updatedAt":%q}}`, x, time.Now().Add(time.Minute).Format(time.RFC3339))
			d.og.Inject(
				opsgenietest.Fault{Op: opsgenietest.OpList, Status: 200, Body: `{"data":[]}`},
				opsgenietest.Fault{Op: opsgenietest.OpGet, Status: 200, Body: answer},
			)
			d.reconcile()
			d.requireLook("API", "major x")
		}},
		{"a list that does not tell the tags", opsgenietest.Options{}, func(d *desk) {
			d.og.Inject(opsgenietest.Fault{Op: opsgenietest.OpList, Status: 200, Body: `{"data":[{"id":"y","status":"open","message":"y"}]}`})
			d.reconcile()
			d.requireLook()
		}},
		{"one alert that cannot be asked for, before the first success", opsgenietest.Options{ListLag: time.Minute}, func(d *desk) {
			x := d.raise("x", tagged("API", "major")...)
			y := d.raise("y", tagged("Web", "major")...)
			d.og.Inject(opsgenietest.Fault{Op: opsgenietest.OpGet, Path: x, Status: 403, Times: -1})
			require.Error(d, d.page.Reconcile(d.Context()))
			d.do(x, opsgenietest.ActClose)
			d.do(y, opsgenietest.ActClose)
			d.requireLook("API", "major x", "Web", "green") // Web has been compared
		}},
		{"what is open for long and not listed is not lost among failures", opsgenietest.Options{}, func(d *desk) {
			var ids []string
			for n := range 20 {
				ids = append(ids, d.raise(fmt.Sprint("x", n), tagged(fmt.Sprint("S", n), "major")...))
			}
			d.reconcile()
			d.deaf = true
			for _, id := range ids {
				d.do(id, opsgenietest.ActClose)
			}
			for _, id := range ids[:10] {
				d.og.Inject(opsgenietest.Fault{Op: opsgenietest.OpGet, Path: id, Status: 500, Times: -1})
			}
			for range 40 {
				require.Error(d, d.page.Reconcile(d.Context()))
			}
			for n := range ids {
				want := statuspage.Green
				if n < 10 {
					want = statuspage.Major
				}
				assert.Equal(d, want, d.page.Snapshot().Service(fmt.Sprint("S", n)).State, n)
			}
		}},
		{"a service that is new while it runs is not compared yet", opsgenietest.Options{}, func(d *desk) {
			d.deaf = true
			d.og.Inject(opsgenietest.Fault{Op: opsgenietest.OpList, Status: 200, Body: `{"data":[]}`, Match: func(*http.Request) bool {
				assert.NoError(d, d.page.Apply(d.Context(), stamped(event(create, "y", 0, tagged("API", "critical")...))))
				assert.NoError(d, d.page.Apply(d.Context(), stamped(event(closed, "y", 1, tagged("API", "critical")...))))
				return true
			}})
			d.reconcile()
			d.requireLook("API", "critical message of y")
			d.reconcile()
			d.requireLook("API", "green")
		}},
		{"what is known is not stored again", opsgenietest.Options{}, func(d *desk) {
			d.raise("x", tagged("API", "major", "servicename:Web")...)
			d.reconcile()
			rev, snap := d.store.rev, d.page.Snapshot()
			d.og.Inject(opsgenietest.Fault{Op: opsgenietest.OpGet, Status: 500, Times: -1}) // nor looked at by itself
			d.reconcile()
			assert.Equal(d, rev, d.store.rev)
			assert.Same(d, snap, d.page.Snapshot())
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, &tt.opts)
				tt.run(d)
				requireMirrors(t, d.store, d.page)
			})
		})
	}
}

// A record that is damaged keeps nobody but its own service from being compared.
func TestReconcileBesideADamagedRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		d.deaf = true
		for n := range 10 { // more than failures end a reconciliation
			d.raise(fmt.Sprint("x", n), tagged("API", "major")...)
		}
		d.raise("both", tagged("API", "major", "servicename:Mail")...)
		y := d.raise("y", tagged("Web", "critical")...)
		z := d.raise("z", tagged("Shop", "major")...)
		damaged := func([]byte) ([]byte, error) { return []byte("{"), nil }
		require.NoError(t, d.store.Update(t.Context(), "records/API.json", damaged))
		d.page = newPage(t, batch{d.store}, d.alerts())
		require.ErrorContains(t, d.page.Reconcile(t.Context()), "damaged")
		d.requireLook("Web", "critical y", "Shop", "major z", "Mail", "major both")

		// And then the records decide, and what was lost is found.
		d.deaf = false
		d.do(z, opsgenietest.ActClose)
		d.requireLook("Web", "critical y", "Shop", "green", "Mail", "major both")
		d.deaf = true
		d.do(y, opsgenietest.ActClose)
		require.ErrorContains(t, d.page.Reconcile(t.Context()), "damaged")
		d.requireLook("Web", "green", "Shop", "green", "Mail", "major both")
	})
}

// Where the Alert API cannot be asked, the records decide from the first event on.
func TestAKeyThatCannotList(t *testing.T) {
	c, err := opsgenie.New(opsgenie.Config{APIKey: "page-key", BaseURL: opsgenie.JSM})
	require.NoError(t, err)
	p := newPage(t, newStore(), statuspage.ClientAlerts(c))
	require.NoError(t, p.Reconcile(t.Context()))
	apply(t, p, event(create, "a", 0, tagged("API", "critical")...), event(closed, "a", 1))
	assert.Equal(t, map[string]string{"API": "green"}, look(p))
}

// A tag may hold what the query's own language is made of.
func TestReconcileByATagOfOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		d.deaf = true
		var err error
		d.page, err = statuspage.New(t.Context(), statuspage.Config{
			Store: d.store, Alerts: d.alerts(), InsecureWebhook: true, PageTag: `team:status page`,
		})
		require.NoError(t, err)
		d.raise("x", "team:status page", "servicename:API", "major")
		d.reconcile()
		d.requireLook("API", "major x")
	})
}

// stamped moves an event to the clock of the bubble.
func stamped(e opsgenie.Event) opsgenie.Event {
	e.Alert.UpdatedAt = time.Now().Add(e.Alert.UpdatedAt.Sub(t0))
	e.Alert.CreatedAt = time.Now()
	return e
}

// TestNeverFalselyGreen plays random days with an Opsgenie that lags, fails,
// lies by leaving out, and whose webhooks get lost, late and doubled, while tags
// change and the page is started anew. After each step: a service is never better
// than an alert of it that was told to be open, and of which nobody said that it is
// not so any more. In the end all is as it is there.
func TestNeverFalselyGreen(t *testing.T) {
	for range 40 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playDay(t, seed) })
		})
	}
}

func playDay(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	og := opsgenietest.NewFake(t, &opsgenietest.Options{
		ListLag: time.Duration(rnd.IntN(3)) * 20 * time.Second, LooseTags: rnd.IntN(2) == 0,
	})
	d := &desk{T: t, og: og, store: newStore()}
	told := witness{d.alerts(), map[string]*testimony{}}
	kind := []string{"one by one", "at once"}[rnd.IntN(2)]
	d.page = newPage(t, kinds(d.store)[kind], told)
	var queue []opsgenie.Event // webhooks that did not come yet
	require.NoError(t, og.AddWebhook(opsgenietest.Webhook{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		e, err := opsgenie.ReadEvent(r.Body)
		assert.NoError(t, err)
		queue = append(queue, e)
	})}))

	services := []string{"servicename:API", "servicename:Web", "servicename:Shop"}
	var ids []string
	down, op := false, opsgenietest.Op("") // which calls fail then; "" is all
	check := func() {
		t.Helper()
		for id, a := range told.of {
			for _, name := range a.services {
				r := d.page.Snapshot().Service(name)
				require.NotNil(t, r, name)
				require.False(t, !a.over && a.severity.Worse(r.State), "%s is %s and not %s, by %s", name, r.State, a.severity, id)
			}
		}
		for _, r := range d.page.Snapshot().Services {
			for _, i := range r.Incidents {
				require.False(t, i.Counts(r.Name) && i.Now().Severity.Worse(r.State), "%s is better than %s", r.Name, i.ID)
				require.True(t, i.Open() || told.alert(i.ID).over, "%s was closed, and nobody said so", i.ID)
			}
		}
	}
	for range 80 {
		time.Sleep(time.Duration(1+rnd.IntN(20)) * time.Second)
		act := func(string, ...string) {}
		if len(ids) > 0 {
			id := ids[rnd.IntN(len(ids))]
			act = func(name string, tags ...string) {
				// What is closed or deleted refuses some of it.
				_, _ = og.Do(opsgenietest.Act{Name: name, Ref: opsgenie.ID(id), Tags: tags})
			}
		}
		switch rnd.IntN(13) {
		case 0, 1:
			tags := []string{"statuspage", services[rnd.IntN(2)], []string{"major", "critical"}[rnd.IntN(2)]}
			a := og.Raise(opsgenie.NewAlert{Message: fmt.Sprint("m", len(ids)), Alias: fmt.Sprint(len(ids)), Tags: tags})
			ids = append(ids, a.ID)
		case 2:
			act([]string{closeAct, deleteAct}[rnd.IntN(2)])
		case 3:
			act([]string{addTagsAct, addTagsAct, removeTagsAct}[rnd.IntN(3)], "critical")
		case 4: // a swap of the service
			n := rnd.IntN(len(services))
			to, from := services[n], slices.Delete(slices.Clone(services), n, n+1)
			swap := []func(){
				func() { act(addTagsAct, to) },
				func() { act(removeTagsAct, from...) },
			}
			first := rnd.IntN(2)
			swap[first]()
			time.Sleep(time.Second)
			swap[1-first]()
		case 5:
			d.page = newPage(t, kinds(d.store)[kind], told)
		case 6, 7, 8:
			require.NoError(t, og.Settle(t.Context()))
			if len(queue) > 0 {
				n := rnd.IntN(len(queue))
				e := queue[n]
				apply(t, d.page, e)
				told.event(e)
				if rnd.IntN(2) == 0 {
					queue = slices.Delete(queue, n, n+1)
				}
			}
		case 9:
			require.NoError(t, og.Settle(t.Context()))
			if len(queue) > 0 && rnd.IntN(3) == 0 { // it is lost
				queue = queue[1:]
			}
		case 10:
			og.ClearFaults()
			if down = !down; down {
				op = []opsgenietest.Op{"", opsgenietest.OpGet}[rnd.IntN(2)]
				faults := failing(op)
				names := slices.Sorted(maps.Keys(faults))
				og.Inject(faults[names[rnd.IntN(len(names))]])
			}
		case 11, 12:
			err := d.page.Reconcile(t.Context())
			switch {
			case !down:
				require.NoError(t, err)
			case op == "":
				require.Error(t, err)
			} // or else it depends on whether there was an alert to look at
		}
		require.NoError(t, og.Settle(t.Context()))
		check()
	}
	og.ClearFaults()
	time.Sleep(5 * time.Minute)
	require.NoError(t, d.page.Reconcile(t.Context()))
	want := map[string]statuspage.State{}
	for _, r := range d.page.Snapshot().Services {
		want[r.Name] = statuspage.Green
	}
	for _, a := range og.Alerts() {
		names, severity := concerned(a.Tags)
		for _, name := range names {
			if a.Status == opsgenie.StatusOpen && (want[name] == "" || severity.Worse(want[name])) {
				want[name] = severity
			}
		}
	}
	got := map[string]statuspage.State{}
	for _, r := range d.page.Snapshot().Services {
		got[r.Name] = r.State
	}
	require.Equal(t, want, got)
	requireMirrors(t, d.store, d.page)
}

const (
	closeAct, deleteAct       = opsgenietest.ActClose, opsgenietest.ActDelete
	addTagsAct, removeTagsAct = opsgenietest.ActAddTags, opsgenietest.ActRemoveTags
)
