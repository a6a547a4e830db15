package routewatch

// kind is what an alert is about.
type kind uint8

const (
	statusKind    kind = iota // an answer with a bad status
	latencyKind               // an answer that took too long
	exceptionKind             // a panic, or an error raised without a function's name
	handledKind               // an error raised with one

	numKinds = iota
)
