package check

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// tidyUp bounds how long the test alert is closed for, once something went
// wrong or the user gave up.
const tidyUp = 5 * time.Second

// sender sends one test alert and closes it.
type sender struct {
	client *opsgenie.Client
	out    *printer
}

// send raises the test alert, sees it made, closes it, and sees it closed. An
// alert that was accepted is closed whatever happens: also where it could not be
// confirmed, and when ctx ends in the middle.
func (s sender) send(ctx context.Context, c routewatch.Config) (err error) {
	alert := testAlert(c)
	start := time.Now()
	id, err := s.client.Create(ctx, alert)
	if err != nil {
		if sent(err) {
			s.rescue(ctx, alert.Alias)
		}
		return fmt.Errorf("the test alert was not accepted: %w", interrupted(ctx, err))
	}
	s.out.good("accepted in %s, as request %s", since(start), orNone(id))
	closed := false
	defer func() {
		if !closed {
			s.rescue(ctx, alert.Alias)
		}
	}()

	status, err := s.confirm(ctx, id)
	if err != nil {
		return fmt.Errorf("the test alert was accepted, but that it was raised cannot be confirmed: %w", err)
	}
	s.out.good("raised after %s, as alert %s: %s", since(start), orNone(status.AlertID), alert.Alias)

	id, err = s.client.Close(ctx, opsgenie.Alias(alert.Alias), opsgenie.Action{
		Source: alert.Source, Note: "It was only a test: routewatch check closes it again.",
	})
	if err != nil {
		return fmt.Errorf("the test alert could not be closed: %w", interrupted(ctx, err))
	}
	closed = true
	if _, err = s.confirm(ctx, id); err != nil {
		return fmt.Errorf("the test alert was told to close, but that it did cannot be confirmed: %w", err)
	}
	s.out.good("closed after %s", since(start))
	return nil
}

// testAlert reaches those whom real ones reach, with the lowest priority. It has
// none of the tags that a status page looks for.
func testAlert(c routewatch.Config) opsgenie.NewAlert {
	return opsgenie.NewAlert{
		Alias:      c.Service + "-routewatch-check-" + rand.Text()[:8],
		Message:    c.Service + ": test alert of routewatch check",
		Entity:     c.Service,
		Source:     "routewatch check",
		Priority:   opsgenie.P5,
		Responders: c.Responders,
		Tags:       c.Tags,
		Details:    map[string]string{"service_id": c.Service, "env": c.Environment},
		Description: "Somebody ran routewatch check --send to see whether alerts arrive.\n" +
			"They do. There is nothing to do: the alert is closed at once.",
	}.Fit()
}

// confirm asks what became of a request until there is an answer, in growing
// intervals.
func (s sender) confirm(ctx context.Context, id string) (opsgenie.RequestStatus, error) {
	if id == "" {
		return opsgenie.RequestStatus{}, errors.New("the service gave the request no id")
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 3*time.Second) {
		status, err := s.client.RequestStatus(ctx, id)
		var e *opsgenie.Error
		switch {
		case err == nil && status.Success:
			return status, nil
		case err == nil:
			return status, fmt.Errorf("the service says: %s", orNone(status.Status))
		case ctx.Err() != nil:
			return status, interrupted(ctx, err)
		case !errors.As(err, &e) || !e.Temporary():
			return status, err
		}
		select {
		case <-time.After(max(pause, e.RetryAfter)):
		case <-ctx.Done():
			return status, interrupted(ctx, err)
		}
	}
}

// rescue closes the alert when all else failed, and says so where it cannot.
func (s sender) rescue(ctx context.Context, alias string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyUp)
	defer cancel()
	if _, err := s.client.Close(ctx, opsgenie.Alias(alias), opsgenie.Action{Source: "routewatch check"}); err != nil {
		s.out.bad("the test alert may still be open; close it by hand: %s", alias)
		return
	}
	s.out.note("the test alert was told to close: %s", alias)
}

// sent says whether a call that failed may have been carried out all the same.
func sent(err error) bool {
	var e *opsgenie.Error
	return !errors.As(err, &e) || e.Status == 0 && !errors.Is(err, opsgenie.ErrInvalid) || e.Status >= 500
}

// interrupted says why ctx ended, if it did, in place of what that did to a call.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) || errors.Is(cause, context.Canceled) {
		return fmt.Errorf("%w (%w)", cause, err)
	}
	return fmt.Errorf("%w; the last answer was: %w", cause, err)
}

func since(start time.Time) time.Duration { return time.Since(start).Round(time.Millisecond) }

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
