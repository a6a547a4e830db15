package opsgenietest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// raise stands for the service that is tested: it posts an alert to an Opsgenie
// at the given base URL.
func raise(ctx context.Context, client *http.Client, baseURL, alias string) error {
	body := strings.NewReader(fmt.Sprintf(`{"message":"checkout answered 500","alias":%q,"priority":"P1"}`, alias))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, baseURL+"/v2/alerts", body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "GenieKey any-key")
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("opsgenie answered %s", resp.Status)
	}
	return nil
}

// A test of a service that raises alerts.
func ExampleNewServer() {
	_ = func(t *testing.T) {
		og := opsgenietest.NewServer(t, nil)

		if err := raise(t.Context(), http.DefaultClient, og.URL, "shop-checkout"); err != nil {
			t.Fatal(err)
		}

		alert := og.AwaitOpen(t, "shop-checkout")
		if alert.Priority != opsgenie.P1 {
			t.Errorf("got priority %s, want P1", alert.Priority)
		}
		og.RequireCount(t, "shop-checkout", 1)
	}
}

// A program that carries its own Opsgenie, such as a demonstration. The first
// call meets a rate limit, the second gets through, and so does a repeat.
func ExampleNew() {
	og := opsgenietest.New(opsgenietest.Options{})
	defer og.Close()
	og.Inject(opsgenietest.RateLimited(time.Second))
	client := &http.Client{Transport: og.Transport()} // or http.ListenAndServe(addr, og)

	for range 3 {
		if err := raise(context.Background(), client, opsgenie.EU, "shop-checkout"); err != nil {
			fmt.Println(err)
		}
	}
	for _, alert := range og.Alerts() {
		fmt.Println(alert.Status, alert.Alias, alert.Count)
	}
	// Output:
	// opsgenie answered 429 Too Many Requests
	// open shop-checkout 2
}

// What happens to alerts is posted to a webhook, in order.
func ExampleFake_AddWebhook() {
	og := opsgenietest.New(opsgenietest.Options{})
	defer og.Close()
	err := og.AddWebhook(opsgenietest.Webhook{
		Header: http.Header{"X-Api-Key": {"shared-secret"}},
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			fmt.Println(r.Method, r.Header.Get("X-Api-Key"))
		}),
	})
	if err != nil {
		log.Fatal(err)
	}
	og.Raise(opsgenie.NewAlert{Message: "down", Alias: "api"})
	if _, err := og.Do(opsgenietest.Act{Name: opsgenietest.ActClose, Ref: opsgenie.Alias("api")}); err != nil {
		log.Fatal(err)
	}
	if err := og.Settle(context.Background()); err != nil {
		log.Fatal(err)
	}
	for _, d := range og.Deliveries() {
		fmt.Println(d.Action, d.Status)
	}
	// Output:
	// POST shared-secret
	// POST shared-secret
	// Create 200
	// Close 200
}
