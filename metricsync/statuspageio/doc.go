// Package statuspageio sends samples to system metrics of a page at
// Statuspage.io: a [metricsync.Sink] on its management API, version 1.
//
//	page, err := statuspageio.New(statuspageio.Config{
//		PageID: "kctbh9vrtdwd",
//		APIKey: os.Getenv("STATUSPAGE_API_KEY"),
//	})
//
// The metrics must be there, and of the kind that takes what is submitted to it;
// this package makes none. Give one API key to one [Client]: the service counts
// the calls by key, 60 in any minute.
//
// An accepted call is not a stored one: the service stores later, and says what
// the newest sample is that it has in [Client.Survey].
//
// Sources of what the API takes and answers: developer.statuspage.io, and, for
// the slots of 30 seconds, support.atlassian.com on system metrics.
package statuspageio
