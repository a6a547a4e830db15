package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// button is one way to treat the shop. Its requests go to the shop's own
// routes over HTTP, as anybody's would.
type button struct {
	Name, Label, About string
	Requests           []request
	Times              int // how often, all at once; 0 is 1
	Mend               bool
}

// request is what one customer asks.
type request struct {
	Method, Path string
	Form         string // of the query or, for POST, of the body
}

// String is the request as a person would say it.
func (r request) String() string {
	if r.Method == http.MethodGet && r.Form != "" {
		return r.Method + " " + r.Path + "?" + r.Form
	}
	return r.Method + " " + r.Path
}

const (
	stormSize  = 500
	stormWidth = 16 // requests in flight
)

var buttons = []button{
	{
		Name: "status", Label: "Fail a checkout", About: "pays with a voucher, and gets a 500",
		Requests: []request{{"POST", "/checkout", "pay=voucher"}},
	},
	{
		Name: "panic", Label: "Make it panic", About: "reads an order that has no customer",
		Requests: []request{{"GET", "/orders/13", ""}},
	},
	{
		Name: "slow", Label: "Make it slow", About: "searches for everything",
		Requests: []request{{"GET", "/search", "q=*"}},
	},
	{
		Name: "storm", Label: "Start a storm", About: fmt.Sprintf("fails %d checkouts, %d at a time", stormSize, stormWidth),
		Requests: []request{{"POST", "/checkout", "pay=voucher"}}, Times: stormSize,
	},
	{
		Name: "handled", Label: "Fail, and handle it", About: "cannot mail a receipt, and answers 202",
		Requests: []request{{"POST", "/orders/13/receipt", ""}},
	},
	{
		Name: "goroutine", Label: "Fail in a goroutine", About: "answers 202, and then fails unseen",
		Requests: []request{{"POST", "/stock/refresh", "supplier=acme"}},
	},
	{
		Name: "mend", Label: "Send good requests", About: "one to each route, all answered well", Mend: true,
		Requests: []request{
			{"POST", "/checkout", "pay=card"},
			{"GET", "/orders/7", ""},
			{"GET", "/search", "q=tea"},
			{"POST", "/orders/7/receipt", ""},
			{"POST", "/stock/refresh", "supplier=local"},
		},
	},
}

func buttonNamed(name string) (button, bool) {
	i := slices.IndexFunc(buttons, func(b button) bool { return b.Name == name })
	if i < 0 {
		return button{}, false
	}
	return buttons[i], true
}

// Answer is what the shop answered to one button.
type Answer struct {
	Button   string    `json:"button"`
	Request  string    `json:"request"`
	Requests int       `json:"requests"`
	Status   int       `json:"status"` // of the worst
	Median   float64   `json:"median"` // milliseconds
	Slowest  float64   `json:"slowest"`
	At       time.Time `json:"at"`
}

// presser presses buttons and notes how the shop answers.
type presser struct {
	shop   string // its URL
	client *http.Client

	mu      sync.Mutex
	answers []Answer // newest first
}

const keptAnswers = 12

func newPresser(shop string) *presser {
	return &presser{shop: shop, client: &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: stormWidth, MaxConnsPerHost: stormWidth},
	}}
}

// press sends the requests of a button and waits for all answers.
func (p *presser) press(ctx context.Context, b button) (Answer, error) {
	all := b.Requests
	for len(all) < b.Times {
		all = append(all, b.Requests...)
	}
	a := Answer{Button: b.Name, Request: b.Requests[0].String(), Requests: len(all), At: time.Now()}
	if b.Mend {
		a.Request = "each route"
	}
	var (
		mu    sync.Mutex
		took  []time.Duration
		errs  []error
		work  sync.WaitGroup
		queue = make(chan request)
	)
	for range min(len(all), stormWidth) {
		work.Go(func() {
			for r := range queue {
				status, d, err := p.ask(ctx, r)
				mu.Lock()
				took, errs = append(took, d), append(errs, err)
				a.Status = max(a.Status, status)
				mu.Unlock()
			}
		})
	}
	for _, r := range all {
		queue <- r
	}
	close(queue)
	work.Wait()
	if err := errors.Join(errs...); err != nil {
		return a, err
	}
	slices.Sort(took)
	a.Median, a.Slowest = ms(took[len(took)/2]), ms(took[len(took)-1])

	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = append([]Answer{a}, p.answers[:min(len(p.answers), keptAnswers-1)]...)
	return a, nil
}

// ask sends one request and reads its answer to the end.
func (p *presser) ask(ctx context.Context, r request) (status int, took time.Duration, err error) {
	target, body := p.shop+r.Path, ""
	if r.Method == http.MethodPost {
		body = r.Form
	} else if r.Form != "" {
		values, err := url.ParseQuery(r.Form)
		if err != nil {
			return 0, 0, err
		}
		target += "?" + values.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, strings.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	start := time.Now()
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, time.Since(start), err
}

func (p *presser) log() []Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.answers)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
