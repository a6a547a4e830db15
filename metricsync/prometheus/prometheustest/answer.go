package prometheustest

import (
	"encoding/json"
	"net/http"
	"slices"
)

// answer is what goes over the wire.
type answer struct {
	status int
	header http.Header
	body   []byte
	text   bool // no JSON
}

func (e *refusal) answer() answer {
	return answer{status: e.status, body: marshal(struct {
		Status string `json:"status"`
		Type   string `json:"errorType"`
		Text   string `json:"error"`
	}{"error", e.kind, e.text})}
}

// write sends a, or the first half of it.
func (a answer) write(w http.ResponseWriter, cut bool) {
	w.Header().Set("Content-Type", "application/json")
	if a.text {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	for name, values := range a.header {
		w.Header()[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	w.WriteHeader(a.status)
	if !cut {
		_, _ = w.Write(a.body) // the client left
		return
	}
	_, _ = w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("prometheustest: " + err.Error()) // there is nothing here that has no JSON
	}
	return b
}
