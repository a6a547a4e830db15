package statuspage_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

// witness is an Alert API that keeps what the page was told of each alert, by its
// own answers and by webhooks.
type witness struct {
	statuspage.Alerts
	of map[string]*testimony
}

// testimony is the newest that was told of an alert.
type testimony struct {
	at       time.Time
	services []string
	severity statuspage.State
	over     bool // it was said to be closed, deleted or not there
}

func (w witness) Open(ctx context.Context, tag string) iter.Seq2[opsgenie.Alert, error] {
	return func(yield func(opsgenie.Alert, error) bool) {
		for a, err := range w.Alerts.Open(ctx, tag) {
			if err == nil {
				w.tags(a.ID, a.UpdatedAt, a.Tags)
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

func (w witness) Get(ctx context.Context, id string) (opsgenie.Alert, error) {
	a, err := w.Alerts.Get(ctx, id)
	var apiErr *opsgenie.Error
	switch {
	case err == nil:
		w.tags(id, a.UpdatedAt, a.Tags)
		w.alert(id).over = w.alert(id).over || a.Status == opsgenie.StatusClosed
	case errors.As(err, &apiErr) && apiErr.Status == http.StatusNotFound:
		w.alert(id).over = true
	}
	return a, err
}

// event keeps what a webhook tells.
func (w witness) event(e opsgenie.Event) {
	if e.Alert.Tags != nil {
		w.tags(e.Alert.ID, e.Alert.UpdatedAt, e.Alert.Tags)
	}
	if e.Action == closed || e.Action == deleted {
		w.alert(e.Alert.ID).over = true
	}
}

func (w witness) tags(id string, at time.Time, tags []string) {
	if t := w.alert(id); at.After(t.at) {
		t.at = at
		t.services, t.severity = concerned(tags)
	}
}

func (w witness) alert(id string) *testimony {
	if w.of[id] == nil {
		w.of[id] = &testimony{}
	}
	return w.of[id]
}

// concerned are the services that tags of the page name, and how bad they are.
func concerned(tags []string) (services []string, severity statuspage.State) {
	severity = green
	for _, tag := range tags {
		name, isService := strings.CutPrefix(tag, "servicename:")
		switch {
		case isService:
			services = append(services, name)
		case tag == "critical", tag == "major" && severity == green:
			severity = statuspage.State(tag)
		}
	}
	return services, severity
}
