package opsgenie

// The limits of the Alert API, in characters where they are of text (which
// Alertmanager and Grafana read as runes, and so does this package). Source:
// docs.opsgenie.com/docs/alert-api, "Create Alert".
const (
	MaxMessage     = 130
	MaxAlias       = 512
	MaxDescription = 15000
	MaxResponders  = 50
	MaxVisibleTo   = 50
	MaxActions     = 10
	MaxAction      = 50
	MaxTags        = 20   // what comes after is dropped by Opsgenie, silently
	MaxTag         = 50   // longer ones are cut by Opsgenie, silently
	MaxDetails     = 8000 // keys and values of all details together
	MaxEntity      = 512
	MaxSource      = 100
	MaxUser        = 100
	MaxNote        = 25000
)

// The base URLs of the services that speak this API. Any other base, with a
// path prefix or without, goes as well.
const (
	// US is Opsgenie's default region. Its API ends on 2027-04-05.
	US = "https://api.opsgenie.com"
	// EU is Opsgenie's European region. Its API ends on 2027-04-05.
	EU = "https://api.eu.opsgenie.com"
	// JSM is Jira Service Management, where Opsgenie's users move to. One host
	// for all regions. A GenieKey may create, acknowledge and close alerts, add
	// notes and read the status of a request there, and nothing else.
	JSM = "https://api.atlassian.com/jsm/ops/integration"
)
