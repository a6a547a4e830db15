package statuspage

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/text"
)

// Stage is how far an incident or a maintenance is, in the words of Atlassian
// Statuspage.
type Stage string

// The stages: an alert that was created is being investigated, one that was
// acknowledged is identified, one that was closed is resolved.
const (
	Investigating Stage = "investigating"
	Identified    Stage = "identified"
	Resolved      Stage = "resolved"

	Scheduled  Stage = "scheduled"
	InProgress Stage = "in_progress"
	Completed  Stage = "completed"
)

// Word is the stage as a person writes it.
func (s Stage) Word() string {
	if s == "" {
		return ""
	}
	w := strings.ReplaceAll(string(s), "_", " ")
	return strings.ToUpper(w[:1]) + w[1:]
}

// publicMark is what a note begins with that is meant for visitors.
const publicMark = "public:"

// visibleUpdates are the notes of an incident that visitors may see, oldest
// first and cleaned.
func visibleUpdates(i *Incident, notes Notes) []Update {
	i = i.Visible()
	if notes == NoNotes {
		return nil
	}
	var out []Update
	for _, u := range i.Updates {
		t := strings.TrimSpace(text.Clean(u.Text))
		marked := len(t) >= len(publicMark) && strings.EqualFold(t[:len(publicMark)], publicMark)
		if marked {
			t = strings.TrimSpace(t[len(publicMark):])
		} else if notes != AllNotes {
			continue
		}
		if t != "" {
			out = append(out, Update{At: u.At, Text: t})
		}
	}
	return out
}

// title is the message of an incident in one clean line, never empty.
func title(i *Incident) string {
	return cmp.Or(strings.TrimSpace(text.CleanLine(i.Visible().Message)), "Incident")
}

// over says whether an incident is past, and since when: the alert was closed,
// or has lost the tags by which it concerned the page or, unless that is "", the
// service. Only then does it say nothing that the state does not.
func (i *Incident) over(service string) (since time.Time, over bool) {
	for _, pt := range i.points() {
		concerns := pt.Page && len(pt.Services) > 0 && (service == "" || slices.Contains(pt.Services, service))
		switch {
		case concerns:
			over = false
		case !over:
			since, over = latest(pt.At, i.CreatedAt), true
		}
	}
	if !i.Open() && (!over || i.ResolvedAt.Before(since)) {
		return i.ResolvedAt, true
	}
	if !over {
		return time.Time{}, false
	}
	return since, true
}

// news is a piece of news of an incident, for visitors.
type news struct {
	ID       string // fixed, and its own within the incident
	At       time.Time
	Stage    Stage
	Text     string
	From, To State // how the incident changed its services; both "" if it did not
}

// timeline is everything that visitors may know of an incident, oldest first:
// that it began, its notes, how bad it became, that somebody is on it and that it
// is over.
func timeline(i *Incident, notes Notes) []news {
	i = i.Visible()
	out := []news{{ID: "opened", At: i.CreatedAt, Stage: Investigating, Text: title(i), From: Green, To: i.first()}}
	for _, u := range visibleUpdates(i, notes) {
		out = append(out, news{ID: noteID(u), At: u.At, Stage: Investigating, Text: u.Text})
	}
	severity := i.first()
	for _, pt := range i.points() {
		if !pt.Page || !pt.Severity.Worse(Green) || pt.Severity == severity {
			continue
		}
		if severity.Worse(Green) { // otherwise it is how the incident began
			at := latest(pt.At, i.CreatedAt)
			out = append(out, news{
				ID: "severity-" + at.UTC().Format("20060102T150405.000000000"), At: at, Stage: Investigating,
				Text: "This is now a " + bannerWord(pt.Severity) + ".", From: severity, To: pt.Severity,
			})
		}
		severity = pt.Severity
	}
	if i.Acked {
		out = append(out, news{ID: "identified", At: i.AckedAt, Stage: Identified, Text: "Somebody is working on this."})
	}
	slices.SortStableFunc(out[1:], func(a, b news) int { return a.At.Compare(b.At) })
	end, over := i.over("")
	for n := range out {
		if i.Acked && !out[n].At.Before(i.AckedAt) {
			out[n].Stage = Identified
		}
		if over && n > 0 && out[n].At.After(end) { // a note on what is over
			out[n].Stage = Resolved
		}
	}
	if over {
		at := slices.IndexFunc(out, func(n news) bool { return n.Stage == Resolved })
		if at < 0 {
			at = len(out)
		}
		out = slices.Insert(out, at, news{ID: "resolved", At: end, Stage: Resolved, Text: "This is resolved.", From: severity, To: Green})
	}
	return out
}

// first is how bad the incident was at the beginning.
func (i *Incident) first() State {
	for _, pt := range i.points() {
		if pt.Page && pt.Severity.Worse(Green) {
			return pt.Severity
		}
	}
	return Green
}

// stage is how far an incident is.
func (i *Incident) stage() Stage {
	if _, over := i.over(""); over {
		return Resolved
	}
	if i.Visible().Acked {
		return Identified
	}
	return Investigating
}

func bannerWord(s State) string { return Banner{State: s}.Word() }

// noteID is the same for the same note, wherever and whenever it is asked for.
func noteID(u Update) string {
	sum := sha256.Sum256([]byte(u.At.UTC().Format(time.RFC3339Nano) + "\n" + u.Text))
	return "note-" + hex.EncodeToString(sum[:6])
}
