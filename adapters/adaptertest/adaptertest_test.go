package adaptertest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/adapters/adaptertest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// noErrors is what net/http and chi have to say to the rows about errors.
var noErrors = map[string]string{
	"an error returned":                        "handlers return nothing",
	"an error returned after the body":         "handlers return nothing",
	"an error handler that changes the status": "handlers return nothing",
	"HTTPError 503":                            "handlers return nothing",
	"HTTPError over an error":                  "handlers return nothing",
	"HTTPError over an HTTPError":              "handlers return nothing",
	"HTTPError in an error":                    "handlers return nothing",
}

func TestNetHTTP(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{Handler: newMux, Skip: noErrors})
}

func newMux(s adaptertest.Service) http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.Routes {
		mux.HandleFunc(r.Method+" "+r.Template(), plain(r))
	}
	var h http.Handler = mux
	if s.Recovery == adaptertest.RecoveryInside {
		h = recoverer(h)
	}
	if s.Watcher != nil {
		h = s.Watcher.Handler(h)
	}
	if s.Recovery == adaptertest.RecoveryOutside {
		h = recoverer(h)
	}
	return h
}

func plain(r adaptertest.Route) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if err := r.Handle(w, req); err != nil {
			panic("handlers return nothing: " + err.Error())
		}
	}
}

// recoverer is what people put around a mux.
func recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				http.Error(w, "sorry", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func TestChi(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Handler: newChi,
		Template: func(path string) string {
			if before, _, ok := strings.Cut(path, "{path...}"); ok {
				return before + "*"
			}
			return path
		},
		Skip: noErrors,
	})
}

func newChi(s adaptertest.Service) http.Handler {
	root := chi.NewRouter()
	root.Use(hushed)
	if s.Recovery == adaptertest.RecoveryOutside {
		root.Use(middleware.Recoverer)
	}
	if s.Watcher != nil {
		root.Use(s.Watcher.Handler)
	}
	if s.Recovery == adaptertest.RecoveryInside {
		root.Use(middleware.Recoverer)
	}
	for _, r := range s.Routes {
		var in chi.Router = root
		for _, prefix := range r.Groups {
			in = in.Route(prefix, func(chi.Router) {})
		}
		in.Method(r.Method, strings.ReplaceAll(r.Path, "{path...}", "*"), plain(r))
	}
	return root
}

// hushed keeps Recoverer from printing stacks to stderr.
func hushed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, middleware.WithLogEntry(r, silence{}))
	})
}

type silence struct{}

func (silence) Write(int, int, http.Header, time.Duration, any) {}
func (silence) Panic(any, []byte)                               {}
