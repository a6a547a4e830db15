package statuspage

import (
	"slices"
	"strings"
)

// tagRule says which tags of an alert speak to the page.
type tagRule struct {
	page    string // an alert without it does not count
	service string // what a service's tag begins with
}

// reading is what an alert's tags say.
type reading struct {
	Page     bool     // the alert counts
	Services []string // in order, each once
	Severity State    // the worst; "" where no tag is one
}

// read reads tags. Blanks around a tag and around a service's name do not count;
// the page's tag and the prefix are compared in any case, names are not.
func (r tagRule) read(tags []string) reading {
	var out reading
	for _, tag := range tags {
		tag = strings.TrimSpace(tag)
		if strings.EqualFold(tag, r.page) {
			out.Page = true
			continue
		}
		if len(tag) >= len(r.service) && strings.EqualFold(tag[:len(r.service)], r.service) {
			if name := strings.TrimSpace(tag[len(r.service):]); name != "" && len(out.Services) < maxServices && !slices.Contains(out.Services, name) {
				out.Services = append(out.Services, name)
			}
			continue
		}
		if s, ok := ParseState(tag); ok && s.Worse(out.Severity) {
			out.Severity = s
		}
	}
	slices.Sort(out.Services)
	return out
}
