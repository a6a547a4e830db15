package statuspageio

// ParseTime is for fuzzing.
var ParseTime = parseTime
