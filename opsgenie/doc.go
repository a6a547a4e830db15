// Package opsgenie is a client for Opsgenie's Alert API, and for that part of it
// which Jira Service Management offers under another base URL.
//
// Make one [Client] per key with [New] and share it. Give each alert an alias:
// [Client.Create] and [Client.Close] with the same alias then are about the same
// alert, and both are safe to repeat.
//
//	client, err := opsgenie.New(opsgenie.Config{APIKey: os.Getenv("OPSGENIE_TOKEN")})
//	…
//	id, err := client.Create(ctx, opsgenie.NewAlert{Message: "Disk full on db-1", Alias: "disk-db-1"})
//	…
//	id, err = client.Close(ctx, opsgenie.Alias("disk-db-1"), opsgenie.Action{Note: "freed 20 GB"})
//
// A call makes one attempt. When it fails, [Error.Temporary] says whether the
// same call may succeed later and [Error.RetryAfter] when.
//
// # Moving to Jira Service Management
//
// Opsgenie's API ends on 5 April 2027. Set Config.BaseURL to [JSM], and
// Config.APIKey to the key of an API integration there. With such a key Jira
// Service Management offers create, acknowledge, close, add note and request
// status; every other call returns an [*UnsupportedError] and makes no request.
//
// # Traps
//
//   - No error means accepted, not done: Opsgenie carries calls out later, and
//     drops what it does not like. [Client.RequestStatus] tells.
//   - A create whose alias is open raises its count and changes nothing else: not
//     the message, not the priority, not the tags.
//   - Keys come in kinds. One of an API integration creates alerts; one of API
//     Key Management lists them and may not create. Either belongs to the US or
//     the EU, and is unknown at the other.
//   - [Client.List] reads an index that lags behind: an alert that was closed a
//     moment ago may still be listed as open.
//   - Opsgenie drops tags after the 20th and cuts long ones, and says nothing.
//     [NewAlert.Fit] does it first, so that it can be seen in a test.
//   - Webhooks are not signed, and come twice, late or never: see [Event].
//
// # Secrets
//
// A key is in no error, no log line and no printed value of this package. That
// holds for keys of at least 8 characters; real ones have 36.
package opsgenie
