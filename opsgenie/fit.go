package opsgenie

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/routewatch/routewatch/internal/text"
)

// maxDetailKey bounds the key of a detail, for which the API has no limit of
// its own. A key that is longer ends in a hash, as an alias does.
const maxDetailKey = 128

// Fit returns a copy of a that the Alert API takes whole. Text is cleaned (broken
// UTF-8, control characters, bidi and zero-width marks) and cut to its limit in
// runes, with … where something is missing; Message, Alias, Entity, Source,
// User, tags, actions and the keys of details are one line each. Tags, actions,
// Responders and VisibleTo lose what is beyond their number, and those that are
// empty. An alias that is too long is cut by [FitAlias].
//
// When the details are too long together, the longest values are cut first, and
// no more than is needed. Only when their keys alone leave no room do the
// details with the longest keys go, and one more detail says how many went.
//
// Fit changes neither a nor what its slices and maps hold, and fitting twice is
// the same as fitting once. It does not judge: see [NewAlert.Validate].
func (a NewAlert) Fit() NewAlert {
	a.Message = fitLine(a.Message, MaxMessage)
	a.Alias = FitAlias(a.Alias)
	a.Description = fitText(a.Description, MaxDescription)
	a.Responders = fitResponders(a.Responders, MaxResponders)
	a.VisibleTo = fitResponders(a.VisibleTo, MaxVisibleTo)
	a.Actions = fitLines(a.Actions, MaxActions, MaxAction)
	a.Tags = fitLines(a.Tags, MaxTags, MaxTag)
	a.Details = fitDetails(a.Details)
	a.Entity = fitLine(a.Entity, MaxEntity)
	a.Source = fitLine(a.Source, MaxSource)
	a.Priority = Priority(text.CleanLine(string(a.Priority)))
	a.User = fitLine(a.User, MaxUser)
	a.Note = fitText(a.Note, MaxNote)
	return a
}

// Validate says what in a the API would refuse whatever its length, or nil: no
// message, a priority that is none, a responder that is none. The errors are
// [ErrInvalid].
func (a NewAlert) Validate() error {
	switch {
	case strings.TrimSpace(text.CleanLine(a.Message)) == "":
		return fmt.Errorf("%w: an alert needs a message", ErrInvalid)
	case a.Priority != "" && !a.Priority.Valid():
		return fmt.Errorf("%w: priority %q is none of P1 to P5", ErrInvalid, text.Cut(string(a.Priority), 20))
	}
	for i, r := range a.Responders {
		if err := r.Validate(); err != nil {
			return fmt.Errorf("%w: responder %d: %w", ErrInvalid, i, err)
		}
	}
	for i, r := range a.VisibleTo {
		if err := r.Validate(); err != nil {
			return fmt.Errorf("%w: visibleTo %d: %w", ErrInvalid, i, err)
		}
	}
	return nil
}

// FitAlias returns the alias under which an alert with this alias is kept: one
// clean line of at most MaxAlias runes. A longer one is cut and ends in … and a
// hash of the whole, so that two long aliases stay two. [NewAlert.Fit] and every
// call that takes an [Alias] apply it, so what Create made Close finds.
func FitAlias(alias string) string { return fitHashed(alias, MaxAlias) }

func fitHashed(s string, max int) string {
	const digits = 16
	s = text.CleanLine(s)
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return text.Cut(s, max-digits) + hex.EncodeToString(sum[:])[:digits]
}

func fitLine(s string, max int) string { return text.Cut(text.CleanLine(s), max) }
func fitText(s string, max int) string { return text.Cut(text.Clean(s), max) }

func fitLines(in []string, maxLines, maxRunes int) []string {
	var out []string
	for _, s := range in {
		if len(out) == maxLines {
			break
		}
		if s = fitLine(s, maxRunes); strings.TrimSpace(s) != "" {
			out = append(out, s)
		}
	}
	return out
}

func fitResponders(in []Responder, max int) []Responder {
	var out []Responder
	for _, r := range in[:min(len(in), max)] {
		out = append(out, Responder{
			Type:     r.Type,
			ID:       text.CleanLine(r.ID),
			Name:     text.CleanLine(r.Name),
			Username: text.CleanLine(r.Username),
		})
	}
	return out
}

// detail is a key of the details with its value and the value's runes.
type detail struct {
	key, value string
	runes      int
}

func fitDetails(in map[string]string) map[string]string {
	if in == nil {
		return nil
	}
	details := cleanDetails(in)
	keys, values := runes(details)
	switch {
	case keys+values <= MaxDetails:
	case keys+len(details) <= MaxDetails:
		cutValues(details, MaxDetails-keys)
	default:
		details = dropDetails(details)
	}
	out := make(map[string]string, len(details))
	for _, d := range details {
		out[d.key] = d.value
	}
	return out
}

// cleanDetails returns the details in the order of their keys, so that what
// happens to them does not hang on the order of a map. Of two keys that are one
// when cleaned, the first stays.
func cleanDetails(in map[string]string) []detail {
	names := make([]string, 0, len(in))
	for k := range in {
		names = append(names, k)
	}
	slices.Sort(names)
	out := make([]detail, 0, len(in))
	seen := make(map[string]bool, len(in))
	for _, name := range names {
		key := fitHashed(name, maxDetailKey)
		if key == "" {
			key = "?"
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		value := text.Clean(in[name])
		out = append(out, detail{key, value, utf8.RuneCountInString(value)})
	}
	return out
}

// cutValues cuts the longest values to one common length, at which all of them
// hold room runes together: the length to which one comes by always taking the
// next rune off the longest. Room must be enough for a rune each.
func cutValues(details []detail, room int) {
	byLength := make([]*detail, len(details))
	for i := range details {
		byLength[i] = &details[i]
	}
	slices.SortStableFunc(byLength, func(a, b *detail) int { return a.runes - b.runes })
	for i, d := range byLength {
		share := room / (len(byLength) - i)
		if d.runes > share {
			d.value, d.runes = text.Cut(d.value, share), share
		}
		room -= d.runes
	}
}

// dropDetails keeps the details with the shortest keys, as many as have room
// for a rune of value each, and adds one that counts the others.
func dropDetails(details []detail) []detail {
	const forCount = 40
	all, sum, n := len(details), 0, 0
	slices.SortStableFunc(details, func(a, b detail) int {
		return utf8.RuneCountInString(a.key) - utf8.RuneCountInString(b.key)
	})
	for _, d := range details {
		sum += utf8.RuneCountInString(d.key) + 1
		if sum > MaxDetails-forCount {
			break
		}
		n++
	}
	details = slices.DeleteFunc(details[:n], func(d detail) bool { return d.key == text.Ellipsis })
	keys, _ := runes(details)
	cutValues(details, MaxDetails-forCount-keys)
	return append(details, detail{key: text.Ellipsis, value: fmt.Sprintf("%d more", all-len(details))})
}

func runes(details []detail) (keys, values int) {
	for _, d := range details {
		keys += utf8.RuneCountInString(d.key)
		values += d.runes
	}
	return keys, values
}
