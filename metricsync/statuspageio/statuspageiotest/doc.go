// Package statuspageiotest is a Statuspage.io that runs in the process: for the
// tests of whoever sends metrics to one, and for demonstrations without an
// account.
//
//	sp := statuspageiotest.NewServer(t, nil)
//	sp.Add(statuspageiotest.Metric{ID: "lat1", Name: "Latency"})
//	// … point the program at sp.URL, page statuspageiotest.Page, with any key …
//	assert.Equal(t, want, sp.Samples("lat1"))
//
// [NewServer] listens on loopback. [NewFake] opens no socket and is reached
// through [Fake.Transport]: that is the one for testing/synctest, where all the
// delays of this package run on the bubble's clock. [New] is for programs; the
// package imports neither testing nor net/http/httptest.
//
// # What it does as Statuspage.io does
//
// It serves the metrics of one page in the management API, version 1: the list,
// in pages, one metric, points for many metrics or for one, and the removal of
// all points, which people know as Reset. A call for many metrics is answered
// with 202 and carried out later ([Options].StoreAfter), in the order of arrival.
// A point counts for the nearest 30 seconds, where the last one stays. What is
// older than 28 days or in the future is accepted and not kept ([Fake.Dropped]).
// In any 60 seconds there are 60 calls; those above get 420 with Retry-After
// ([Fake.Over]). [Fake.Inject] makes calls fail in the ways that real ones do.
//
// # Where Statuspage.io publishes nothing
//
// How much of the past makes a metric backfilled, and when, is not known, nor
// whether the newest time moves before that; nor what becomes of a call with more
// than 3,000 points, or with a metric that is not there: all these are options.
// Here a refused call does not count towards the limit; all keys have one limit;
// a half of 30 seconds is rounded up; after a removal, what was accepted before is
// not stored any more.
package statuspageiotest
