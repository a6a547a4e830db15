package check

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// The verdicts on a path are not computed here a second time: a Watcher of the
// very configuration is shown a request, and what it raises is caught.

// catcher is a Notifier that keeps what it is given.
type catcher struct{ alerts chan opsgenie.NewAlert }

func (c catcher) Create(_ context.Context, a opsgenie.NewAlert) (string, error) {
	select {
	case c.alerts <- a:
	default:
	}
	return "", nil
}

func (c catcher) Close(context.Context, opsgenie.Ref, opsgenie.Action) (string, error) {
	return "", nil
}

// ask returns the alert that one observation raises, if it does.
func ask(ctx context.Context, c routewatch.Config, o routewatch.Observation) (alert opsgenie.NewAlert, raised bool, err error) {
	caught := catcher{make(chan opsgenie.NewAlert, 1)}
	c.Notifier = caught
	c.Logger = slog.New(slog.DiscardHandler)
	w, err := routewatch.New(c)
	if err != nil {
		return opsgenie.NewAlert{}, false, err
	}
	w.Observe(o)
	err = w.Close(ctx)
	select {
	case alert = <-caught.alerts:
		return alert, true, nil
	default:
		return opsgenie.NewAlert{}, false, err
	}
}

// verdict is what becomes of one kind of failure on one path.
type verdict struct {
	what   string // such as "status 5XX"
	raised bool
	text   string // the alias, or the reason why not
}

// judge says what each kind of failure on a path comes to.
func judge(ctx context.Context, c routewatch.Config, path string) ([]verdict, error) {
	r, err := requestFor(ctx, path)
	if err != nil {
		return nil, err
	}
	var all []verdict
	say := func(what string, o routewatch.Observation, otherwise func() string) error {
		o.Request = r
		alert, raised, err := ask(ctx, c, o)
		if err != nil {
			return err
		}
		v := verdict{what: what, raised: raised, text: alert.Alias}
		if !raised {
			v.text = otherwise()
		}
		all = append(all, v)
		return nil
	}

	status, code := statusRule(c)
	if code == 0 {
		all = append(all, verdict{what: "status", text: "no status is watched"})
	} else {
		err = say(status, routewatch.Observation{Status: code}, func() string {
			open := c
			open.IgnoredRoutes = nil
			if _, raised, _ := ask(ctx, open, routewatch.Observation{Request: r, Status: code}); raised {
				return "no alert: IGNORED_ENDPOINTS leaves the path out"
			}
			return "no alert: no pattern of MONITORED_ENDPOINTS matches"
		})
	}
	if c.LatencyThreshold == 0 {
		all = append(all, verdict{what: "slow", text: "latency is not watched"})
	} else {
		err = errors.Join(err, say("over "+c.LatencyThreshold.String(),
			// A status that no rule names: 600 is none.
			routewatch.Observation{Status: 600, Duration: c.LatencyThreshold + time.Nanosecond},
			func() string { return "no alert: no pattern of RESPONSE_TIME_MONITORED_ENDPOINTS matches" }))
	}
	err = errors.Join(err, say("panic", routewatch.Observation{Panic: "a panic", Stack: []byte("none")},
		func() string { return "no alert" }))
	return all, err
}

// requestFor makes the request that stands for all on a path. A whole URL is
// taken as well; what lies beyond its path no rule sees.
func requestFor(ctx context.Context, path string) (*http.Request, error) {
	u, err := url.Parse(path)
	if err != nil {
		return nil, err
	}
	if u.Path == "" {
		u.Path = "/"
	}
	if !strings.HasPrefix(u.Path, "/") {
		return nil, errors.New("--path " + strconv.Quote(path) + ": a path begins with a slash")
	}
	u = &url.URL{Scheme: "http", Host: "localhost", Path: u.Path, RawPath: u.RawPath}
	return http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
}

// statusRule names the rule for statuses, and a status that breaks it; 0 where
// there is none.
func statusRule(c routewatch.Config) (name string, code int) {
	var names []string
	for _, n := range c.StatusCodes {
		names = append(names, strconv.Itoa(n))
		code = n
	}
	for _, class := range c.StatusClasses {
		class = strings.ToUpper(class)
		names = append(names, class)
		if n, err := strconv.Atoi(class[:1]); err == nil {
			code = n * 100
		}
	}
	if code == 0 {
		return "", 0
	}
	return "status " + list(names), code
}
