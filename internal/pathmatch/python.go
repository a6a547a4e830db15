package pathmatch

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
)

// pythonism is a construct that Python's re knows and Go's regexp does not.
type pythonism struct {
	find *regexp.Regexp
	say  string
}

// Source: docs.python.org/3/library/re.html beside github.com/google/re2/wiki/Syntax.
var pythonisms = []pythonism{
	{regexp.MustCompile(`\(\?[=!]`), "look-ahead is not possible in Go's regexp; write what shall match, perhaps with IgnoredRoutes for what shall not"},
	{regexp.MustCompile(`\(\?<[=!]`), "look-behind is not possible in Go's regexp; write what shall match, perhaps with IgnoredRoutes for what shall not"},
	{regexp.MustCompile(`\(\?P=`), "a back-reference is not possible in Go's regexp"},
	{regexp.MustCompile(`\\[1-9]`), "a back-reference is not possible in Go's regexp"},
	{regexp.MustCompile(`\(\?\(`), "a conditional group is not possible in Go's regexp"},
	{regexp.MustCompile(`\(\?>`), "an atomic group is not possible in Go's regexp; an ordinary group (?:…) does not backtrack there anyway"},
	{regexp.MustCompile(`[+*?}]\+`), "a possessive quantifier is not possible in Go's regexp; drop the second +"},
	{regexp.MustCompile(`\\Z`), `\Z is \z in Go's regexp`},
	{regexp.MustCompile(`\(\?#`), "a comment (?#…) is not possible in Go's regexp; drop it"},
	{regexp.MustCompile(`\(\?[a-zA-Z]*[xauL][a-zA-Z]*[):]`), "of Python's flags Go's regexp knows i, m and s alone; drop the others"},
	{regexp.MustCompile(`\\[uU][0-9A-Fa-f]`), `\u0041 is \x{41} in Go's regexp`},
	{regexp.MustCompile(`\\N\{`), `\N{…} is not possible in Go's regexp; write the character itself`},
}

// openRepeat is a quantifier in Python and plain text in Go, where it would
// silently match something else.
var openRepeat = regexp.MustCompile(`^\{,\d+\}`)

// parse parses p by itself: wrapped in a group, "a)(b" would be valid.
func parse(p string) (re *syntax.Regexp, reason string) {
	if at := findOpenRepeat(p); at != "" {
		return nil, at + " is plain text in Go's regexp, not a quantifier; write {0" + at[1:]
	}
	re, err := syntax.Parse(p, syntax.Perl)
	if err == nil {
		return re, ""
	}
	for _, py := range pythonisms {
		if py.find.MatchString(p) {
			return nil, py.say
		}
	}
	var se *syntax.Error
	if errors.As(err, &se) {
		if se.Code == syntax.ErrInvalidRepeatSize {
			return nil, se.Expr + ": a repeat of more than 1000 is not possible in Go's regexp"
		}
		return nil, se.Code.String() + ": " + se.Expr
	}
	return nil, err.Error()
}

// findOpenRepeat returns the first {,n} that is meant as a quantifier: not
// escaped, not inside a character class, not at the very start.
func findOpenRepeat(p string) string {
	inClass := false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\\':
			i++
		case inClass:
			inClass = c != ']'
		case c == '[':
			inClass = true
			// A ] that comes first is a member: []a] and [^]a].
			if strings.HasPrefix(p[i+1:], "^") {
				i++
			}
			if strings.HasPrefix(p[i+1:], "]") {
				i++
			}
		case c == '{' && i > 0:
			if m := openRepeat.FindString(p[i:]); m != "" {
				return m
			}
		}
	}
	return ""
}
