// Package signalfxtest is a SignalFx that runs in the process: for the tests of
// whoever reads from SignalFx, and for a demonstration without an account.
//
// A test says what there is, points its client at it, and asks what was called:
//
//	sfx := signalfxtest.NewServer(t, nil)
//	sfx.AddSeries(`sf_metric:"Latency"`, signalfxtest.Series{Value: signalfxtest.Constant(12.5)})
//	// … point the client at sfx.URL with any token …
//	assert.LessOrEqual(t, sfx.LongestSpan(signalfxtest.OpTimeSeries), 24*time.Hour)
//
// [NewServer] listens on loopback. [NewFake] opens no socket and is reached through
// [Fake.Transport]: that is the one for testing/synctest, where all delays run on
// the bubble's clock. [New] is for programs; the package imports neither testing
// nor net/http/httptest, so a program that uses it gets none of their flags.
//
// # What it does as SignalFx does
//
// It serves GET /v1/timeserieswindow and POST /v2/signalflow/execute. Points are
// rolled up by the kind of their series: the average of a gauge, the sum of a
// counter, the maximum of a cumulative counter. A window knows four resolutions and
// at most a million points; a query gets at most 10,000 series and does not say that
// there are more, but for SignalFlow, which says so in a message that is easily
// missed. A job that has a stop ends by itself, and says so.
//
// # What it adds
//
// [Fake.Inject] makes calls fail in the ways that real ones do: refused, throttled
// with a status of 200, hanging, slow, cut at any byte, said to be wrong in the
// middle of a stream.
//
// # Where SignalFx publishes nothing
//
// Here the end of a window does not belong to it, unless [Options].EndInclusive is
// set; a query that nobody has added matches nothing; a program that nobody has
// added is refused; a longer window than [Options].MaxSpan is refused.
package signalfxtest
