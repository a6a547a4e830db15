// Package pathmatch finds which of many regular expressions match a path from
// its start, as Python's re.match does, at a cost that does not grow with their
// number.
//
// The expressions are filed by their literal prefix in a radix tree, so that a
// path meets only those which can match it. One big alternation would be a
// thousand times slower: it leaves the regexp package's one-pass matcher.
package pathmatch

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxPath is how much of a path is looked at, in bytes. A longer one is judged
// by its beginning, so that nobody can make a match expensive.
const MaxPath = 2048

// None is what Match returns where nothing matches.
const None = -1

// Set is a list of patterns. It is immutable and safe for concurrent use.
type Set struct {
	source []string
	match  []matcher
	root   node
}

// node is a node of a radix tree over the patterns' literal prefixes.
type node struct {
	label    string // what leads here from the parent
	patterns []int  // ascending; those whose prefix ends here
	first    string // first byte of each child's label, in order
	children []*node
}

// Error says what is wrong with one pattern.
type Error struct {
	Index   int
	Pattern string
	Reason  string
}

func (e *Error) Error() string { return fmt.Sprintf("%q: %s", e.Pattern, e.Reason) }

// Compile makes a set of the patterns, or tells what is wrong with each bad one.
func Compile(patterns []string) (*Set, []*Error) {
	s := &Set{source: slices.Clone(patterns), match: make([]matcher, len(patterns))}
	var errs []*Error
	for i, p := range patterns {
		parsed, reason := parse(p)
		if reason != "" {
			errs = append(errs, &Error{i, p, reason})
			continue
		}
		re, err := regexp.Compile(`^(?:` + p + `)`)
		if err != nil { // the wrapping can pass the limits of size and depth
			errs = append(errs, &Error{i, p, err.Error()})
			continue
		}
		s.match[i] = compileMatcher(parsed, re)
		for _, prefix := range prefixes(parsed) {
			s.root.insert(prefix, i)
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return s, nil
}

// Pattern returns the source of the pattern with the given index.
func (s *Set) Pattern(i int) string { return s.source[i] }

// Len returns the number of patterns.
func (s *Set) Len() int { return len(s.source) }

// Match returns the index of the first pattern, in the order of Compile, that
// matches from the start of path, or None.
func (s *Set) Match(path string) int {
	if len(path) > MaxPath {
		path = path[:MaxPath]
	}
	best := len(s.source)
	rest := path
	for n := &s.root; ; {
		for _, i := range n.patterns {
			if i >= best {
				break
			}
			if s.match[i].MatchString(path) {
				best = i
				break
			}
		}
		if rest == "" {
			break
		}
		c := strings.IndexByte(n.first, rest[0])
		if c < 0 || !strings.HasPrefix(rest, n.children[c].label) {
			break
		}
		n = n.children[c]
		rest = rest[len(n.label):]
	}
	if best == len(s.source) {
		return None
	}
	return best
}

// insert files pattern i under prefix.
func (n *node) insert(prefix string, i int) {
	if prefix == "" {
		if !slices.Contains(n.patterns, i) {
			n.patterns = append(n.patterns, i)
		}
		return
	}
	c := strings.IndexByte(n.first, prefix[0])
	if c < 0 {
		n.first += prefix[:1]
		n.children = append(n.children, &node{label: prefix, patterns: []int{i}})
		return
	}
	child := n.children[c]
	same := commonPrefix(prefix, child.label)
	if same < len(child.label) { // split the edge
		lower := *child
		lower.label = child.label[same:]
		*child = node{label: child.label[:same], first: lower.label[:1], children: []*node{&lower}}
	}
	child.insert(prefix[same:], i)
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// prefixes returns the literal prefixes under one of which every match of re
// begins; the empty one where there is no better. The branches of an
// alternation at the top each have their own.
func prefixes(re *syntax.Regexp) []string {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	if re.Op != syntax.OpAlternate {
		p, _ := literalPrefix(re)
		return []string{p}
	}
	var all []string
	for _, sub := range re.Sub {
		all = append(all, prefixes(sub)...)
	}
	return all
}

// literalPrefix returns the text with which every match of re begins, and
// whether that is the whole of the match. regexp.LiteralPrefix is of no use
// here: it is empty for anchored expressions that are not one-pass.
func literalPrefix(re *syntax.Regexp) (prefix string, whole bool) {
	switch re.Op {
	case syntax.OpBeginText, syntax.OpEmptyMatch:
		return "", true
	case syntax.OpLiteral:
		// A literal U+FFFD also matches bytes that are not UTF-8.
		if re.Flags&syntax.FoldCase != 0 || slices.Contains(re.Rune, utf8.RuneError) {
			return "", false
		}
		return string(re.Rune), true
	case syntax.OpCapture:
		return literalPrefix(re.Sub[0])
	case syntax.OpPlus:
		p, _ := literalPrefix(re.Sub[0])
		return p, false
	case syntax.OpRepeat:
		if re.Min > 0 {
			p, _ := literalPrefix(re.Sub[0])
			return p, false
		}
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			p, whole := literalPrefix(sub)
			b.WriteString(p)
			if !whole {
				return b.String(), false
			}
		}
		return b.String(), true
	}
	return "", false
}
