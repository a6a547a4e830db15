// Package jsmops reads the alerts of Jira Service Management Operations with the
// credentials of an account: it lists alerts, gets one, and reads its notes.
// Those are what an integration's key, with which opsgenie.Client works, cannot
// do there.
//
// Source of what the API takes and answers:
// developer.atlassian.com/cloud/jira/service-desk-ops/rest/v2.
package jsmops
