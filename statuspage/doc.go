// Package statuspage works out the state of services from the alerts of Opsgenie
// or Jira Service Management, and shows it to those who use them.
package statuspage
