package statuspage

import "context"

// ReconcileIfAsked reconciles where an event has asked for it since the last
// time: what Run does by itself. It is for where no Run runs, such as a function
// that lives for one request.
func (p *Page) ReconcileIfAsked(ctx context.Context) error {
	select {
	case <-p.soon:
	default:
		return nil
	}
	err := p.Reconcile(ctx)
	if err != nil {
		p.reconcileSoon() // the next one tries again
	}
	return err
}
