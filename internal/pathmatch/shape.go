package pathmatch

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// matcher says whether a path matches from its start.
type matcher interface{ MatchString(path string) bool }

// compileMatcher returns the cheapest matcher for a pattern: a shape where there
// is one, a tenth of the price, else the regexp.
func compileMatcher(parsed *syntax.Regexp, re *regexp.Regexp) matcher {
	if s, ok := shapeOf(parsed); ok {
		return s
	}
	return re
}

// shape is a pattern as most routes are: literals and runs such as \d+ and [^/]+
// in a row, where each next byte can belong to one of them alone. It matches by
// looking at each byte once and needs no way back.
type shape []step

// step is a literal, an optional literal, a run of bytes, or the end of the text.
type step struct {
	kind     stepKind
	literal  string
	set      *byteSet
	min, max int // of a run; max < 0 is none
}

type stepKind uint8

const (
	literalStep stepKind = iota
	optionalStep
	runStep
	endStep
)

type byteSet [256]bool

// MatchString says whether path matches from its start.
func (s shape) MatchString(path string) bool {
	for i := range s {
		switch st := &s[i]; st.kind {
		case literalStep:
			if !strings.HasPrefix(path, st.literal) {
				return false
			}
			path = path[len(st.literal):]
		case optionalStep:
			path = strings.TrimPrefix(path, st.literal)
		case runStep:
			n := 0
			for n < len(path) && n != st.max && st.set[path[n]] {
				n++
			}
			if n < st.min {
				return false
			}
			path = path[n:]
		case endStep:
			if path != "" {
				return false
			}
		}
	}
	return true
}

// shapeOf returns the shape of a pattern that has one.
func shapeOf(re *syntax.Regexp) (shape, bool) {
	s, ok := steps(nil, re)
	if !ok {
		return nil, false
	}
	for i, st := range s {
		var mine byteSet
		switch st.kind {
		case runStep:
			if st.min == st.max {
				continue // its length is no choice
			}
			mine = *st.set
		case optionalStep:
			mine[st.literal[0]] = true
		default:
			continue
		}
		if !s.distinct(i+1, &mine) {
			return nil, false
		}
	}
	return s, true
}

// distinct says whether what may follow from step i on never begins with a byte
// of set, so that a byte of set belongs to the step before.
func (s shape) distinct(i int, set *byteSet) bool {
	for ; i < len(s); i++ {
		switch st := s[i]; st.kind {
		case endStep:
			return true
		case literalStep:
			return !set[st.literal[0]]
		case optionalStep:
			if set[st.literal[0]] {
				return false
			}
		case runStep:
			for b, in := range st.set {
				if in && set[b] {
					return false
				}
			}
			if st.min > 0 {
				return true
			}
		}
	}
	return true // all that is left may be empty: matched either way
}

// steps appends those of re to s.
func steps(s shape, re *syntax.Regexp) (shape, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return s, true
	case syntax.OpBeginText:
		return s, len(s) == 0
	case syntax.OpEndText:
		return append(s, step{kind: endStep}), true
	case syntax.OpCapture:
		return steps(s, re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			var ok bool
			if s, ok = steps(s, sub); !ok {
				return nil, false
			}
		}
		return s, true
	case syntax.OpLiteral:
		text, whole := literalPrefix(re)
		return append(s, step{kind: literalStep, literal: text}), whole && text != ""
	case syntax.OpQuest:
		text, whole := literalPrefix(re.Sub[0])
		return append(s, step{kind: optionalStep, literal: text}), whole && text != "" && re.Sub[0].Op == syntax.OpLiteral
	case syntax.OpStar:
		return run(s, re.Sub[0], 0, -1)
	case syntax.OpPlus:
		return run(s, re.Sub[0], 1, -1)
	case syntax.OpRepeat:
		return run(s, re.Sub[0], re.Min, re.Max)
	case syntax.OpCharClass:
		return run(s, re, 1, 1)
	}
	return nil, false
}

// run appends a run of bytes. One whose length counts must be of ASCII: a byte
// of it is a character.
func run(s shape, of *syntax.Regexp, least, most int) (shape, bool) {
	set, ascii, ok := bytesOf(of)
	if !ok || !ascii && (least > 1 || most >= 0) || most == 0 {
		return nil, false
	}
	return append(s, step{kind: runStep, set: set, min: least, max: most}), true
}

// bytesOf returns the bytes that a class of characters is made of. Beyond ASCII
// it must hold all characters or none: then any byte there is one of them, and
// those that are not UTF-8 too, which the regexp package reads as U+FFFD.
func bytesOf(re *syntax.Regexp) (set *byteSet, ascii, ok bool) {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	ranges := re.Rune
	switch re.Op {
	case syntax.OpCharClass:
	case syntax.OpAnyChar:
		ranges = []rune{0, utf8.MaxRune}
	case syntax.OpAnyCharNotNL:
		ranges = []rune{0, '\n' - 1, '\n' + 1, utf8.MaxRune}
	case syntax.OpLiteral:
		if len(re.Rune) != 1 || re.Rune[0] >= utf8.RuneSelf || re.Flags&syntax.FoldCase != 0 {
			return nil, false, false
		}
		ranges = []rune{re.Rune[0], re.Rune[0]}
	default:
		return nil, false, false
	}
	set = new(byteSet)
	ascii = true
	for i := 0; i < len(ranges); i += 2 {
		lo, hi := ranges[i], ranges[i+1]
		for r := lo; r <= min(hi, utf8.RuneSelf-1); r++ {
			set[r] = true
		}
		if hi < utf8.RuneSelf {
			continue
		}
		if lo > utf8.RuneSelf || hi != utf8.MaxRune {
			return nil, false, false
		}
		ascii = false
		for b := utf8.RuneSelf; b < 256; b++ {
			set[b] = true
		}
	}
	return set, ascii, true
}
