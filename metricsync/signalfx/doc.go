// Package signalfx reads metrics from SignalFx, which is also called Splunk
// Observability Cloud. A [Client] has two sources:
//
//   - [Client.TimeSeries] reads series as they were stored. SignalFx rolls them up
//     to 1 second, 1 minute, 5 minutes or 1 hour in a way that cannot be chosen:
//     the average of a gauge, the sum of a counter, the maximum of a cumulative
//     counter, which is of no use here.
//   - [Client.SignalFlow] runs a program and reads what it publishes, at any step.
//
// A client is made once, and its sources are used by any number of metrics:
//
//	sfx, err := signalfx.New(signalfx.Config{Realm: "us1", Token: os.Getenv("SIGNALFX_TOKEN")})
//	if err != nil {
//		log.Fatal(err)
//	}
//	latency := metricsync.Metric{ID: "lat1", Source: sfx.TimeSeries(), Query: metricsync.Query{
//		Text: `sf_metric:"Latency" AND lb:"shop"`,
//	}}
//	flow := metricsync.Metric{ID: "flow1", Source: sfx.SignalFlow(), Query: metricsync.Query{
//		Text: `data('latency').mean().publish('A')`, Label: "A",
//	}}
//
// # What is an error
//
// SignalFx leaves things out without a word that a person would see, and a figure
// that is made of the rest looks right and is wrong. These are errors here: a query
// that matches 10,000 series, of which there may be more; a find that SignalFlow
// limited; a job that runs at another step than was asked for; a program that
// publishes several streams where the query names none; a stream that ends before
// its job does, after some attempts to go on from where it ended.
//
// # What is read at once
//
// A day at most, and of a series window at most 250,000 points: more is asked for
// in halves. A SignalFlow job is one day long, and ends when its reader stops. Only
// one piece is held at a time, whatever the span.
//
// Package signalfxtest has a SignalFx that runs in the process, for tests.
package signalfx
