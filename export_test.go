package routewatch

import "net/http"

// NumSets is how many sets of optional interfaces there are.
const NumSets = 1 << numOptional

// Narrow returns w with the optional interfaces of set and no others: a writer
// of some middleware, of which there may be any. That it has them is for the
// test to check.
func Narrow(w http.ResponseWriter, set int) http.ResponseWriter {
	return (&response{ResponseWriter: w}).with(optional(set))
}
