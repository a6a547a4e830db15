// Package browsertest looks at the status page as visitors do: in Chromium. It is
// a module of its own, so that nobody who imports routewatch has a browser's
// protocol among his dependencies.
package browsertest
