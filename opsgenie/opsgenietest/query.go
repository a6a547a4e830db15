package opsgenietest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// match reports whether an alert is searched for.
type match func(*Alert) bool

// parseQuery reads a search: conditions field:value and field<value, joined by
// AND, OR, NOT and parentheses; values in quotes where they are phrases or hold
// a colon; several values of one field as field:(a OR b). The syntax is that of
// docs.opsgenie.com/docs/alerts-search-query-help; what this does not know is
// an error, never an empty result.
func parseQuery(s string, loose bool) (match, error) {
	tokens, err := lex(s)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 0 {
		return func(*Alert) bool { return true }, nil
	}
	p := parser{tokens: tokens, loose: loose}
	m, err := p.or(p.condition)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, fmt.Errorf("%s where AND or OR is due", t)
	}
	return m, nil
}

// The kinds of tokens.
const (
	end      = iota
	word     // bare text
	quoted   // text in quotes
	keyword  // AND, OR, NOT
	operator // : < <= > >=
	paren
)

type token struct {
	kind int
	text string
}

func (t token) String() string {
	if t.kind == end {
		return "the end"
	}
	return fmt.Sprintf("%q", t.text)
}

func (t token) is(kind int, text string) bool { return t.kind == kind && t.text == text }

func lex(s string) ([]token, error) {
	var tokens []token
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		t := token{}
		switch c := s[0]; c {
		case '(', ')':
			t = token{paren, s[:1]}
			s = s[1:]
		case ':', '<', '>':
			n := 1
			if c != ':' && strings.HasPrefix(s[1:], "=") {
				n = 2
			}
			t = token{operator, s[:n]}
			s = s[n:]
		case '"':
			text, rest, ok := unquote(s[1:])
			if !ok {
				return nil, errors.New("a quote is not closed")
			}
			t, s = token{quoted, text}, rest
		default:
			n := strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`():<>"`, r) })
			if n < 0 {
				n = len(s)
			}
			t = token{word, s[:n]}
			if t.text == "AND" || t.text == "OR" || t.text == "NOT" {
				t.kind = keyword
			}
			s = s[n:]
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}

// unquote reads up to the closing quote; a backslash takes the next character
// as it is.
func unquote(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

type parser struct {
	tokens []token
	loose  bool
	depth  int
}

func (p *parser) peek() token {
	if len(p.tokens) == 0 {
		return token{}
	}
	return p.tokens[0]
}

func (p *parser) next() token {
	t := p.peek()
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

// or reads terms joined by AND and OR, AND binding closer.
func (p *parser) or(term func() (match, error)) (match, error) {
	left, err := p.and(term)
	for err == nil && p.peek().is(keyword, "OR") {
		p.next()
		var right match
		a := left
		right, err = p.and(term)
		left = func(alert *Alert) bool { return a(alert) || right(alert) }
	}
	return left, err
}

func (p *parser) and(term func() (match, error)) (match, error) {
	left, err := p.not(term)
	for err == nil && p.peek().is(keyword, "AND") {
		p.next()
		var right match
		a := left
		right, err = p.not(term)
		left = func(alert *Alert) bool { return a(alert) && right(alert) }
	}
	return left, err
}

// maxDepth bounds the nesting of a query, which comes from outside.
const maxDepth = 100

func (p *parser) not(term func() (match, error)) (match, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errors.New("it is nested too deeply")
	}
	defer func() { p.depth-- }()
	switch t := p.peek(); {
	case t.is(keyword, "NOT"):
		p.next()
		m, err := p.not(term)
		return func(alert *Alert) bool { return !m(alert) }, err
	case t.is(paren, "("):
		p.next()
		m, err := p.or(term)
		if err != nil {
			return nil, err
		}
		if t := p.next(); !t.is(paren, ")") {
			return nil, fmt.Errorf("%s where a ) is due", t)
		}
		return m, nil
	}
	return term()
}

// condition reads field:value, field:(a OR b) or field<value.
func (p *parser) condition() (match, error) {
	name := p.next()
	if name.kind != word {
		return nil, fmt.Errorf("%s where a field is due", name)
	}
	f, ok := fields[name.text]
	if !ok && p.peek().kind != operator {
		return nil, fmt.Errorf("%q is no condition: write field:value", name.text)
	}
	if !ok {
		return nil, fmt.Errorf("there is no field %q", name.text)
	}
	op := p.next()
	if op.kind != operator {
		return nil, fmt.Errorf("%s where a : is due after %s", op, name.text)
	}
	value := func() (match, error) { return p.value(name.text, f, op.text) }
	if p.peek().is(paren, "(") {
		return p.not(value)
	}
	return value()
}

// value reads a quoted text or a run of words.
func (p *parser) value(name string, f field, op string) (match, error) {
	if t := p.peek(); t.kind == quoted {
		p.next()
		return f(op, text{t.text, true, p.loose})
	}
	var words []string
	for p.peek().kind == word {
		words = append(words, p.next().text)
	}
	if t := p.peek(); t.kind == operator || t.kind == quoted {
		return nil, fmt.Errorf("%s in the value of %s: join conditions with AND, and quote a value that holds a colon", t, name)
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("%s where a value of %s is due", p.peek(), name)
	}
	v := strings.Join(words, " ")
	if i := strings.IndexAny(v, "*?"); i >= 0 && (v[i] == '?' || i < len(v)-1) {
		return nil, fmt.Errorf("only one * at the end of %q is understood: quote it if it is meant as it is", v)
	}
	return f(op, text{v, false, p.loose})
}

// text is a value that is searched for.
type text struct {
	s      string
	quoted bool
	loose  bool // words may match (see Options.LooseTags)
}

// equal compares a field with the value; a * at the end of it stands for
// anything.
func (t text) equal(s string) bool {
	if prefix, ok := strings.CutSuffix(t.s, "*"); ok && !t.quoted {
		return strings.HasPrefix(s, prefix)
	}
	return s == t.s
}

// in looks for the value in a text: for the phrase if it is quoted, or for each
// of its words.
func (t text) in(s string) bool {
	s, v := strings.ToLower(s), strings.ToLower(strings.TrimSuffix(t.s, "*"))
	if t.quoted {
		return strings.Contains(s, strings.ToLower(t.s))
	}
	return !slices.ContainsFunc(strings.Fields(v), func(w string) bool { return !strings.Contains(s, w) })
}

// tag compares a tag with the value.
func (t text) tag(s string) bool {
	if !t.loose {
		return text{strings.ToLower(t.s), t.quoted, false}.equal(strings.ToLower(s))
	}
	words := func(s string) []string {
		return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	}
	have := words(s)
	return !slices.ContainsFunc(words(t.s), func(w string) bool { return !slices.Contains(have, w) })
}
