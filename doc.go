// Package routewatch raises an alert in Opsgenie, or in Jira Service Management,
// when a route of a Go web service answers a bad status, gets slow, or panics.
//
// Make a [Watcher] with [New], wrap the service's handler in [Watcher.Handler],
// and close the Watcher when the service stops, so that what waits is delivered:
//
//	w, err := routewatch.New(routewatch.Config{
//		APIKey:        os.Getenv("OPSGENIE_TOKEN"),
//		Service:       "shop",
//		StatusClasses: []string{"5XX"},
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer w.Close(context.Background()) // for up to 15 s
//	http.ListenAndServe(":8080", w.Handler(mux))
//
// [FromEnv] reads the same from the environment. gin and echo have adapters of
// their own, in adapters/ginwatch and adapters/echowatch; chi needs none. Errors
// that no answer shows are raised with [Watcher.RaiseExceptionAlert], and
// goroutines watched with [Watcher.Go].
//
// # What never changes
//
// The client's answer and the request's time. A panic goes on as the panic that
// it was, http.ErrAbortHandler raises nothing, and the ResponseWriter has the
// optional interfaces of the server's own. Delivery runs beside the requests:
// Opsgenie being down, slow or throttling costs them nothing. No key, cookie,
// authorization header, body or query value leaves the process.
//
// # What becomes an alert
//
// The first hit of an alias does, at once. Further hits while it is open are
// counted and sent once a minute (Config.Renotify), so that a storm is a handful
// of calls. With Config.ResolveAfter the alert closes by itself.
//
// # Traps
//
// Install the handler directly around the router, inside whatever recovers
// panics. Set Config.Service where a service runs on several hosts: its default
// holds the host's name, and so would the aliases. http.TimeoutHandler serves in
// another goroutine and copies the request: outside it, the stack of a panic and
// the route's template are gone.
package routewatch
