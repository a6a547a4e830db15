package opsgenie_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// standIn is a server that gives one answer, in place of Opsgenie.
func standIn(status int, body string, header ...string) (*opsgenie.Client, func()) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	client, err := opsgenie.New(opsgenie.Config{APIKey: "an-integration-key", BaseURL: srv.URL})
	if err != nil {
		panic(err)
	}
	return client, func() {
		client.CloseIdleConnections()
		srv.Close()
	}
}

func ExampleClient_Create() {
	client, stop := standIn(202, `{"result":"Request will be processed","requestId":"43a29c5c"}`)
	defer stop()

	id, err := client.Create(context.Background(), opsgenie.NewAlert{
		Message:    "Disk full on db-1",
		Alias:      "disk-db-1",
		Priority:   opsgenie.P2,
		Tags:       []string{"disk"},
		Details:    map[string]string{"host": "db-1", "free": "0 MB"},
		Responders: []opsgenie.Responder{{Type: opsgenie.Team, Name: "databases"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("accepted as", id)
	// Output: accepted as 43a29c5c
}

func ExampleClient_Close() {
	client, stop := standIn(404, `{"message":"Alert does not exist","requestId":"7c3e"}`)
	defer stop()

	_, err := client.Close(context.Background(), opsgenie.Alias("disk-db-1"), opsgenie.Action{Note: "freed 20 GB"})
	fmt.Println("closing what is not there:", err)
	// Output: closing what is not there: <nil>
}

func ExampleError() {
	client, stop := standIn(429, `{"message":"You are making too many requests!","requestId":"b12c"}`,
		"X-RateLimit-State", "THROTTLED", "X-RateLimit-Period-In-Sec", "60")
	defer stop()

	_, err := client.Create(context.Background(), opsgenie.NewAlert{Message: "m", Alias: "a"})
	var e *opsgenie.Error
	if errors.As(err, &e) && e.Temporary() {
		fmt.Println("again after", max(e.RetryAfter, time.Second))
	}
	fmt.Println(err)
	// Output:
	// again after 1m0s
	// opsgenie: create alert at 127.0.0.1: 429 Too Many Requests: You are making too many requests!, request b12c, retry after 1m0s
}

func ExampleClient_All() {
	client, stop := standIn(200, `{"data":[{"id":"1","message":"API errors","status":"open","tags":["servicename:API"]}],"paging":{}}`)
	defer stop()

	options := opsgenie.ListOptions{Query: `status:open AND tag:"servicename:API"`}
	for alert, err := range client.All(context.Background(), options) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(alert.ID, alert.Message, alert.Open())
	}
	// Output: 1 API errors true
}

func ExampleClient_RequestStatus() {
	client, stop := standIn(404, `{"message":"Request not found. It might not be processed, yet."}`,
		"X-Opsgenie-Errortype", "RequestNotProcessed")
	defer stop()

	_, err := client.RequestStatus(context.Background(), "43a29c5c")
	fmt.Println("ask again:", errors.Is(err, opsgenie.ErrPending))
	// Output: ask again: true
}

// Moving to Jira Service Management is another base URL, and a key from there.
func ExampleNew_jiraServiceManagement() {
	client, err := opsgenie.New(opsgenie.Config{APIKey: "a-key-of-an-api-integration", BaseURL: opsgenie.JSM})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client)

	_, err = client.List(context.Background(), opsgenie.ListOptions{})
	var unsupported *opsgenie.UnsupportedError
	fmt.Println("list is not offered:", errors.As(err, &unsupported))
	// Output:
	// opsgenie.Client{BaseURL:"https://api.atlassian.com/jsm/ops/integration"}
	// list is not offered: true
}

func ExampleNewAlert_Fit() {
	a := opsgenie.NewAlert{
		Message: "Disk full\non " + strings.Repeat("very-", 40) + "long-name",
		Tags:    []string{"disk", ""},
	}.Fit()
	fmt.Println(len([]rune(a.Message)), a.Message[:20], strings.HasSuffix(a.Message, "…"))
	fmt.Printf("%q\n", a.Tags)
	// Output:
	// 130 Disk full on very-ve true
	// ["disk"]
}

func ExampleReadEvent() {
	body := `{"action":"AddTags","alert":{"alertId":"052652ac","message":"API errors","priority":2,
		"tags":["statuspage","critical"],"addedTags":"statuspage,critical","updatedAt":"1762000060000"}}`
	event, err := opsgenie.ReadEvent(strings.NewReader(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(event.Action, event.Alert.ID, event.Alert.Priority, event.Alert.AddedTags, event.Alert.UpdatedAt)
	// Output: AddTags 052652ac P2 [statuspage critical] 2025-11-01 12:27:40 +0000 UTC
}
