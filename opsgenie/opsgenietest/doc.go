// Package opsgenietest is an Opsgenie that runs in the process: for the tests
// of whoever talks to Opsgenie, and for a demonstration without an account.
//
// A test starts one, points its service at it, and asks what arrived:
//
//	og := opsgenietest.NewServer(t, nil)
//	// … point the service at og.URL with any key, and let something fail …
//	alert := og.AwaitOpen(t, "shop-response-status-alert")
//	assert.Equal(t, opsgenie.P1, alert.Priority)
//
// [NewServer] listens on loopback. [NewFake] opens no socket and is reached
// through [Fake.Transport]: that is the one for testing/synctest, where all the
// delays of this package run on the bubble's clock. [New] is for programs; the
// package imports neither testing nor net/http/httptest, so a program that uses
// it gets none of their flags.
//
// # What it does as Opsgenie does
//
// It serves version 2 of the Alert API. Whatever changes an alert is answered
// with 202 and carried out after [Options].ProcessingDelay; the outcome is only
// in the request's status. A create with the alias of an open alert raises that
// alert's count and changes nothing else. Tags beyond the limits are dropped or
// cut without a word. The list is an index that may lag behind
// ([Options].ListLag), while getting one alert never does. Outgoing webhooks
// have the documented schema ([Fake.AddWebhook]). Everything else of the API
// (teams, schedules, attachments, saved searches) is not here.
//
// # What it adds
//
// What Opsgenie would refuse or silently spoil is reported to the test as an
// error, unless [Options].AllowInvalid is set or [Fake.TakeInvalid] picks it up.
// [Fake.Inject] makes calls fail in the ways that real ones do.
//
// # Where Opsgenie publishes nothing
//
// Some rules of the real service are not known. Here: an over-long text other
// than a tag is refused with 422; a query compares whole tags regardless of
// case; an unused act such as closing a closed alert fails in the request's
// status; a repeated create fires no webhook; a webhook is tried once.
package opsgenietest
