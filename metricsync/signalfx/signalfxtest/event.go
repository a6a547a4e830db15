package signalfxtest

import (
	"encoding/json"
	"fmt"
	"time"
)

// Event is a server-sent event. Its data may have several lines.
type Event struct {
	Name string
	Data string
	// Final says that the stream ends with it.
	Final bool
}

// Info is a message about a job, such as JOB_DETECTED_LAG with {"lagMs": 500}.
func Info(code string, contents map[string]any) Event {
	return Event{Name: "message", Data: marshal(map[string]any{
		"logicalTimestampMs": time.Now().UnixMilli(),
		"message":            map[string]any{"messageCode": code, "messageLevel": "INFO", "contents": contents},
	})}
}

// Limited is the only sign that a find has left series out.
func Limited(matched, limit int) Event {
	return Info("FIND_LIMITED_RESULT_SET", map[string]any{"matchedSize": matched, "limitSize": limit})
}

// Abort ends a job before its time.
func Abort(state, reason string) Event {
	return Event{Name: "control-message", Final: true, Data: marshal(map[string]any{
		"event": "CHANNEL_ABORT", "timestampMs": time.Now().UnixMilli(),
		"abortInfo": map[string]any{"sf_job_abortState": state, "sf_job_abortReason": reason},
	})}
}

// Failure is an error of a program in the form that the Go client reads. A status
// is as in HTTP.
func Failure(status int, errorType, message string, line, column int) Event {
	return Event{Name: "error", Final: true, Data: marshal(map[string]any{
		"error": status, "errorType": errorType, "message": message,
		"context": map[string]any{"line": line, "column": column, "programText": "the text of the program"},
	})}
}

// Failures are errors of a program in the form that the Python client reads.
func Failures(codes ...string) Event {
	var list []map[string]any
	for _, code := range codes {
		list = append(list, map[string]any{"code": code, "context": map[string]any{"programText": "the text of the program"}})
	}
	return Event{Name: "error", Final: true, Data: marshal(map[string]any{"errors": list})}
}

func control(event string, at time.Time, more map[string]any) Event {
	m := map[string]any{"event": event, "timestampMs": at.UnixMilli()}
	for key, value := range more {
		m[key] = value
	}
	return Event{Name: "control-message", Data: marshal(m)}
}

func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("signalfxtest: %v", err))
	}
	return string(b)
}
