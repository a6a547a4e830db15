package routewatch

import (
	"fmt"
	"strings"

	"github.com/routewatch/routewatch/opsgenie"
)

// placeholder is one of the names that an alias may hold in braces.
type placeholder uint16

const (
	phService placeholder = 1 << iota
	phEnv
	phHost
	phMethod
	phRoute
	phStatus
	phClass
	phException
	phFunc
)

var placeholders = map[string]placeholder{
	"service": phService, "env": phEnv, "host": phHost, "method": phMethod, "route": phRoute,
	"status": phStatus, "class": phClass, "exception": phException, "func": phFunc,
}

const placeholderNames = "{service} {env} {host} {method} {route} {status} {class} {exception} {func}"

// aliasTemplate is an alias, cut at its placeholders.
type aliasTemplate struct {
	parts []aliasPart
	uses  placeholder // the union of all parts' placeholders
}

// aliasPart is literal text or a placeholder.
type aliasPart struct {
	text string
	ph   placeholder
}

// parseAlias cuts s at its placeholders, or says what is wrong with it.
func parseAlias(s string) (aliasTemplate, string) {
	var t aliasTemplate
	for s != "" {
		open := strings.IndexAny(s, "{}")
		if open < 0 {
			t.parts = append(t.parts, aliasPart{text: s})
			break
		}
		if s[open] == '}' {
			return t, "a } without its {"
		}
		if open > 0 {
			t.parts = append(t.parts, aliasPart{text: s[:open]})
		}
		end := strings.IndexByte(s[open:], '}')
		if end < 0 {
			return t, "a { without its }"
		}
		name := s[open+1 : open+end]
		ph, ok := placeholders[name]
		if !ok {
			return t, fmt.Sprintf("{%s} is not a placeholder; there are %s", name, placeholderNames)
		}
		t.parts = append(t.parts, aliasPart{ph: ph})
		t.uses |= ph
		s = s[open+end+1:]
	}
	return t, ""
}

// aliasValues are what the placeholders stand for in one alert.
type aliasValues struct {
	service, env, host, method, route, status, class, exception, fn string
}

// expand fills the template in and fits the result to the API's limit.
func (t aliasTemplate) expand(v aliasValues) string {
	var b strings.Builder
	for _, p := range t.parts {
		switch p.ph {
		case phService:
			b.WriteString(v.service)
		case phEnv:
			b.WriteString(v.env)
		case phHost:
			b.WriteString(v.host)
		case phMethod:
			b.WriteString(v.method)
		case phRoute:
			b.WriteString(v.route)
		case phStatus:
			b.WriteString(v.status)
		case phClass:
			b.WriteString(v.class)
		case phException:
			b.WriteString(v.exception)
		case phFunc:
			b.WriteString(v.fn)
		default:
			b.WriteString(p.text)
		}
	}
	return opsgenie.FitAlias(b.String())
}

// The aliases of alerts for which the user has set none. They are those that
// flask-opsgenie documents (github.com/djmgit/flask-opsgenie, README), not those
// that it builds, which hold the raw path.
const (
	defaultStatusAlias    = "{service}-response-status-alert"
	defaultLatencyAlias   = "{service}-response-latency-alert"
	defaultExceptionAlias = "{service}-exception-alert"
	exceptionAliasStart   = "{service}-{exception}-"
	handledAlias          = "{service}-{func}-{exception}"
)

// aliases holds the alias template of each kind of alert.
type aliases [numKinds]aliasTemplate

// compileAliases parses the user's aliases and tells each mistake to bad.
func compileAliases(cfg *Config, bad func(field, value, reason string)) aliases {
	for _, f := range []struct{ field, value string }{
		{"Alias", cfg.Alias},
		{"StatusAlias", cfg.StatusAlias},
		{"LatencyAlias", cfg.LatencyAlias},
		{"ExceptionAlias", cfg.ExceptionAlias},
	} {
		if _, reason := parseAlias(f.value); reason != "" {
			bad(f.field, f.value, reason)
		}
	}
	pick := func(own, fallback string) string {
		if own != "" {
			return own
		}
		return fallback
	}
	exception, handled := defaultExceptionAlias, handledAlias
	if ending := pick(cfg.ExceptionAlias, cfg.Alias); ending != "" {
		exception = exceptionAliasStart + ending
	}
	if cfg.Alias != "" {
		handled += "-" + cfg.Alias
	}
	var a aliases
	for kind, text := range map[kind]string{
		statusKind:    pick(pick(cfg.StatusAlias, cfg.Alias), defaultStatusAlias),
		latencyKind:   pick(pick(cfg.LatencyAlias, cfg.Alias), defaultLatencyAlias),
		exceptionKind: exception,
		handledKind:   handled,
	} {
		a[kind], _ = parseAlias(text) // mistakes are told above
	}
	return a
}
