package statuspage

import "strings"

// State is how a service is. Its words are the tags of the alerts that decide it.
type State string

// The states, from best to worst.
const (
	Green    State = "green"    // operational
	Major    State = "major"    // a partial outage
	Critical State = "critical" // a major outage
)

// ParseState reads a state from a tag, in any case. It is a closed set.
func ParseState(tag string) (State, bool) {
	switch s := State(strings.ToLower(strings.TrimSpace(tag))); s {
	case Green, Major, Critical:
		return s, true
	}
	return "", false
}

// rank orders states; what is none ranks below all.
func (s State) rank() int {
	switch s {
	case Green:
		return 1
	case Major:
		return 2
	case Critical:
		return 3
	}
	return 0
}

// Worse reports whether s is worse than other.
func (s State) Worse(other State) bool { return s.rank() > other.rank() }
