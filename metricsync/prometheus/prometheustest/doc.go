// Package prometheustest is a Prometheus that runs in the process: for the tests of
// whoever asks one, and for a demonstration without one.
//
// A test starts one, says what its expressions come to, and points its program at
// it:
//
//	p := prometheustest.NewServer(t, nil)
//	p.Handle(`sum(rate(http_requests_total[5m]))`, prometheustest.Series{
//		Value: func(at time.Time) (float64, bool) { return 12.5, true },
//	})
//	// … point the program at p.URL …
//
// [NewServer] listens on loopback. [NewFake] opens no socket and is reached through
// [Fake.Transport]: that is the one for testing/synctest, where all the delays of
// this package run on the bubble's clock. [New] is for programs; the package
// imports neither testing nor net/http/httptest.
//
// # What it does as Prometheus does
//
// It serves query_range, by GET and by POST, with the documented parameters, answers
// and errors: at most 11,000 points a series, values as text, times in milliseconds,
// an end that counts, an empty matrix where there is nothing. [Options] give it the
// limits of Mimir and Thanos and the tenants of a proxy, and [Fake.Inject] makes
// queries fail in the ways that real ones do.
//
// # What it does not
//
// It knows no PromQL: an expression is what [Fake.Handle] was told, to the letter,
// and any other is answered as one that cannot be parsed.
package prometheustest
