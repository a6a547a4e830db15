package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/routewatch/routewatch"
)

// shop is the service behind routewatch. Its bugs are ordinary ones, each on a
// route that mostly works: the right request brings one out.
type shop struct {
	watch  *routewatch.Watcher
	slow   time.Duration // a search for everything
	orders map[string]*order
	served atomic.Uint64
}

type order struct {
	ID       string    `json:"id"`
	Item     string    `json:"item"`
	Customer *customer `json:"customer,omitempty"`
}

type customer struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

func newShop(w *routewatch.Watcher, slow time.Duration) *shop {
	return &shop{watch: w, slow: slow, orders: map[string]*order{
		"7":  {ID: "7", Item: "teapot", Customer: &customer{"Ada", "ada@example.com"}},
		"13": {ID: "13", Item: "kettle"}, // its customer has deleted the account
	}}
}

// handler puts routewatch directly around the router, and what recovers panics
// around routewatch: so it sees the route's template, and panics as such.
func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.front)
	mux.HandleFunc("GET /search", s.search)
	mux.HandleFunc("POST /checkout", s.checkout)
	mux.HandleFunc("GET /orders/{id}", s.order)
	mux.HandleFunc("POST /orders/{id}/receipt", s.receipt)
	mux.HandleFunc("POST /stock/refresh", s.refresh)
	return s.recoverer(s.watch.Handler(mux))
}

// recoverer is what most services have: it answers 500 to a panic.
func (s *shop) recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.served.Add(1)
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					panic(v)
				}
				answer(w, http.StatusInternalServerError, "something went wrong")
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func (s *shop) front(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, "a small shop: GET /search?q=tea, GET /orders/7, POST /checkout, POST /orders/7/receipt, POST /stock/refresh")
}

// search has no index: what asks for everything reads everything.
func (s *shop) search(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("q") == "*" {
		select {
		case <-time.After(s.slow):
		case <-r.Context().Done():
		}
	}
	answer(w, http.StatusOK, "1 teapot, 1 kettle")
}

// checkout cannot take a voucher, because nobody runs the voucher service.
func (s *shop) checkout(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("pay") == "voucher" {
		answer(w, http.StatusInternalServerError, "the voucher service cannot be reached")
		return
	}
	answer(w, http.StatusCreated, "thank you")
}

// order forgets that an order may have no customer.
func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	o, ok := s.orders[r.PathValue("id")]
	if !ok {
		answer(w, http.StatusNotFound, "no such order")
		return
	}
	answer(w, http.StatusOK, o.greeting())
}

func (o *order) greeting() string { return "a " + o.Item + " for " + o.Customer.Name }

// mailError is what the mail server said.
type mailError struct {
	code int
	text string
}

func (e *mailError) Error() string { return fmt.Sprintf("mail server: %d %s", e.code, e.text) }

// receipt handles its error: the customer is told to wait, and who is on call
// is told why.
func (s *shop) receipt(w http.ResponseWriter, r *http.Request) {
	o, ok := s.orders[r.PathValue("id")]
	if !ok {
		answer(w, http.StatusNotFound, "no such order")
		return
	}
	if err := o.sendReceipt(); err != nil {
		s.watch.RaiseExceptionAlert(r.Context(), fmt.Errorf("receipt of order %s: %w", o.ID, err),
			routewatch.WithFunc("sendReceipt"), routewatch.WithRequest(r), routewatch.WithDetail("order", o.ID))
		answer(w, http.StatusAccepted, "the receipt will come later")
		return
	}
	answer(w, http.StatusOK, "the receipt is on its way")
}

func (o *order) sendReceipt() error {
	if o.Customer == nil {
		return &mailError{550, "no such mailbox"}
	}
	return nil
}

// supplierError is what becomes of a refresh that asks the wrong supplier.
type supplierError struct{ name string }

func (e *supplierError) Error() string { return e.name + " has moved, and left no address" }

// refresh works on after its answer. Nobody would hear of its error.
func (s *shop) refresh(w http.ResponseWriter, r *http.Request) {
	supplier := r.FormValue("supplier")
	s.watch.Go(context.WithoutCancel(r.Context()), "refresh-stock", func(context.Context) error {
		if supplier == "acme" {
			return fmt.Errorf("read the stock: %w", &supplierError{supplier})
		}
		return nil
	})
	answer(w, http.StatusAccepted, "the stock is being refreshed")
}

func answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": text}) // the client may have left
}
