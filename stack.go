package routewatch

import (
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// maxFrames is how deep a stack is told. Handlers sit at 7 to 17 frames.
const maxFrames = 64

// stack is room for the program counters of a goroutine's stack.
type stack [maxFrames]uintptr

// take fills s with the stack of the caller, without the given number of its
// innermost callers. Turning the counters into text costs five times as much and
// is left for later, off the request.
func (s *stack) take(skip int) []uintptr { return s[:runtime.Callers(skip+2, s[:])] }

// culprit is the function in which the panic came up or, without one, that
// raised the error.
func (h *hit) culprit() string {
	for _, pc := range faulty(h.pcs) {
		if name := funcNames.of(pc); !strings.HasPrefix(name, "runtime.") {
			return shortFunc(name)
		}
	}
	return ""
}

// faulty cuts off what ran because of the panic: the deferred calls, and the
// runtime's own. Where a panic went on as another, the first one counts.
func faulty(pcs []uintptr) []uintptr {
	for i := len(pcs) - 1; i >= 0; i-- {
		if funcNames.of(pcs[i]) == "runtime.gopanic" {
			return pcs[i+1:]
		}
	}
	return pcs
}

// closure is where the name of a function literal begins to say which one it is:
// numbers that change with every edit, and with what the compiler inlines.
var closure = regexp.MustCompile(`\.(func\d+|\d+|gowrap\d+|deferwrap\d+)(\..*)?$`)

// shortFunc makes a name that lasts of a function's name: without directories,
// and for a function literal that of the function it stands in.
func shortFunc(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	return closure.ReplaceAllString(name, "")
}

// stackText is the stack as panics print it, the innermost function first.
func stackText(pcs []uintptr) string {
	if len(pcs) == 0 {
		return ""
	}
	var b strings.Builder
	frames := runtime.CallersFrames(faulty(pcs))
	for {
		f, more := frames.Next()
		if f.Function != "" && !(b.Len() == 0 && strings.HasPrefix(f.Function, "runtime.")) {
			b.WriteString(f.Function)
			b.WriteString("\n\t")
			b.WriteString(f.File)
			b.WriteByte(':')
			b.WriteString(strconv.Itoa(f.Line))
			b.WriteByte('\n')
		}
		if !more {
			return b.String()
		}
	}
}

// funcNames remembers the names of program counters: the program bounds how many
// there are.
var funcNames nameTable

type nameTable struct{ m sync.Map }

func (t *nameTable) of(pc uintptr) string {
	if name, ok := t.m.Load(pc); ok {
		return name.(string)
	}
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next() // of inlined ones the innermost
	t.m.Store(pc, f.Function)
	return f.Function
}
