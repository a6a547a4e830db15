package pageserver

// Serve is Start on a listener of the test's.
var Serve = serve
