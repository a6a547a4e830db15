// Package opsgenie is a client for Opsgenie's Alert API, and for that part of it
// which Jira Service Management offers under another base URL.
package opsgenie
