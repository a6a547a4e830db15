package opsgenietest

import (
	"net/url"
	"strings"
)

// acts are the calls below /v2/alerts/{identifier}.
var acts = map[string]Op{
	"GET notes":          OpListNotes,
	"POST notes":         OpAddNote,
	"POST tags":          OpAddTags,
	"DELETE tags":        OpRemoveTags,
	"POST details":       OpAddDetails,
	"DELETE details":     OpRemoveDetails,
	"POST close":         OpClose,
	"POST acknowledge":   OpAcknowledge,
	"POST unacknowledge": OpUnacknowledge,
	"PUT message":        OpUpdateMessage,
	"PUT description":    OpUpdateDescription,
	"PUT priority":       OpUpdatePriority,
	"POST snooze":        OpSnooze,
	"POST assign":        OpAssign,
	"POST escalate":      OpEscalate,
}

// route reads a method and a path, as it was sent and without the prefix. The
// name is the alert, request or heartbeat in it, unescaped; rest is the name of
// a custom action.
//
// It splits the path before it unescapes it, because an alias may hold slashes;
// http.ServeMux cannot be told a plain failure from an unescaped alias.
func route(method, path string) (op Op, name, rest string) {
	parts := strings.Split(path, "/")
	for i := range parts {
		part, err := url.PathUnescape(parts[i])
		if err != nil {
			return OpUnknown, "", ""
		}
		parts[i] = part
	}
	if len(parts) < 3 || parts[0] != "" || parts[1] != "v2" {
		return OpUnknown, "", ""
	}
	kind, parts := parts[2], parts[3:]
	switch {
	case kind == "heartbeats" && len(parts) == 2 && parts[1] == "ping" && method != "DELETE":
		return OpPing, parts[0], ""
	case kind != "alerts":
		return OpUnknown, "", ""
	case len(parts) == 0:
		switch method {
		case "POST":
			return OpCreate, "", ""
		case "GET":
			return OpList, "", ""
		}
	case len(parts) == 1 && parts[0] == "":
		return OpUnknown, "", ""
	case len(parts) == 1 && parts[0] == "count" && method == "GET":
		return OpCount, "", ""
	case len(parts) == 1:
		switch method {
		case "GET":
			return OpGet, parts[0], ""
		case "DELETE":
			return OpDelete, parts[0], ""
		}
	case len(parts) == 2 && parts[0] == "requests" && method == "GET":
		return OpRequestStatus, parts[1], ""
	case len(parts) == 2:
		if op, ok := acts[method+" "+parts[1]]; ok {
			return op, parts[0], ""
		}
	case len(parts) == 3 && parts[1] == "actions" && method == "POST":
		return OpCustom, parts[0], parts[2]
	}
	return OpUnknown, "", ""
}

// reads reports whether a key that only reads may make the call.
func (op Op) reads() bool {
	switch op {
	case OpList, OpCount, OpGet, OpListNotes, OpRequestStatus:
		return true
	}
	return false
}

// inJSM reports whether a GenieKey may make the call in Jira Service
// Management. Source: the vendor's "JSM integration events API".
func (op Op) inJSM() bool {
	switch op {
	case OpCreate, OpAcknowledge, OpClose, OpAddNote, OpRequestStatus:
		return true
	}
	return false
}
