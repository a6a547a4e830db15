package check

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// printer writes the report, with colours where they are wanted. A mark says in
// plain text what a colour says beside it.
type printer struct {
	w     io.Writer
	color bool
}

const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
)

func (p *printer) paint(code, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *printer) head(text string) { fmt.Fprintln(p.w, p.paint(bold, text)) }
func (p *printer) gap()             { fmt.Fprintln(p.w) }

func (p *printer) good(format string, args ...any) { p.line(green, "ok", format, args...) }
func (p *printer) warn(format string, args ...any) { p.line(yellow, "warning", format, args...) }
func (p *printer) bad(format string, args ...any)  { p.line(red, "wrong", format, args...) }
func (p *printer) note(format string, args ...any) { p.line(faint, "note", format, args...) }

func (p *printer) line(code, mark, format string, args ...any) {
	fmt.Fprintf(p.w, "  %s%s  %s\n", p.paint(code, mark), strings.Repeat(" ", len("warning")-len(mark)), fmt.Sprintf(format, args...))
}

// table writes rows in columns.
func (p *printer) table(rows [][]string) {
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for len(row) > 0 && row[len(row)-1] == "" {
			row = row[:len(row)-1]
		}
		fmt.Fprintf(t, "  %s\n", strings.Join(row, "\t"))
	}
	_ = t.Flush() // a report that cannot be written has nobody to be told to
}

// list writes names in lines that fit a terminal.
func (p *printer) list(intro string, names []string) {
	const width = 96
	if len(names) == 0 {
		return
	}
	line := "  " + intro
	for i, name := range names {
		if i < len(names)-1 {
			name += ","
		}
		if len(line)+len(name) > width {
			fmt.Fprintln(p.w, p.paint(faint, strings.TrimRight(line, " ")))
			line = strings.Repeat(" ", 2+len(intro))
		}
		line += name + " "
	}
	fmt.Fprintln(p.w, p.paint(faint, strings.TrimRight(line, " ")))
}
