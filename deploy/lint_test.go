package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// A sound template names only what there is, and gives each resource properties
// that the schema of its type allows. The schemas in testdata are those of
// CloudFormation's registry (August 2026), without their descriptions.

// schema is that of one type of resource.
type schema struct {
	compiled *jsonschema.Schema
	// attributes are what Fn::GetAtt may ask for.
	attributes []string
}

func readSchemas(t *testing.T) map[string]*schema {
	t.Helper()
	files, err := filepath.Glob("testdata/schemas/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	out := map[string]*schema{}
	for _, file := range files {
		f, err := os.Open(file)
		require.NoError(t, err)
		doc, err := jsonschema.UnmarshalJSON(f)
		f.Close()
		require.NoError(t, err)
		top := doc.(map[string]any)
		name := top["typeName"].(string)
		s := &schema{}
		readOnly, _ := top["readOnlyProperties"].([]any)
		for _, pointer := range readOnly {
			attribute := strings.TrimPrefix(pointer.(string), "/properties/")
			s.attributes = append(s.attributes, strings.ReplaceAll(attribute, "/", "."))
		}
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft7)
		c.UseRegexpEngine(compilePattern)
		require.NoError(t, c.AddResource("file:///"+file, doc))
		s.compiled, err = c.Compile("file:///" + file)
		require.NoError(t, err)
		out[name] = s
	}
	return out
}

type pattern struct{ *regexp.Regexp }

// compilePattern takes a pattern that Go cannot read, for its look-around, as one
// that everything matches.
func compilePattern(s string) (jsonschema.Regexp, error) {
	re, err := regexp.Compile(s)
	if err != nil {
		re = regexp.MustCompile("")
	}
	return pattern{re}, nil
}

// linter gathers what is wrong with a template.
type linter struct {
	*template
	schemas map[string]*schema
	found   []string
	used    map[string]bool            // parameters and conditions
	needs   map[string]map[string]bool // by resource, others that must be there before
}

func lint(t *testing.T, tpl *template) []string {
	t.Helper()
	l := &linter{tpl, readSchemas(t), nil, map[string]bool{}, map[string]map[string]bool{}}
	only(l, "the template", l.top, "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Conditions", "Resources", "Outputs")
	for _, name := range slices.Sorted(maps.Keys(l.Parameters)) {
		l.parameter(name, l.Parameters[name])
	}
	for name, c := range l.Conditions {
		l.references("condition "+name, "", c)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Resources)) {
		l.resource(name, l.Resources[name])
	}
	for name, o := range l.Outputs {
		only(l, "output "+name, o, "Description", "Value", "Condition", "Export")
		l.references("output "+name, "", o)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Parameters)) {
		l.check(l.used[name], "parameter %s is not used", name)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Conditions)) {
		l.check(l.used[name], "condition %s is not used", name)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Resources)) {
		l.check(!l.reaches(name, name, map[string]bool{}), "%s is in a circle of references", name)
	}
	l.groups()
	return l.found
}

func (l *linter) check(ok bool, format string, args ...any) {
	if !ok {
		l.found = append(l.found, fmt.Sprintf(format, args...))
	}
}

// only finds the keys that are not allowed.
func only[V any](l *linter, where string, m map[string]V, allowed ...string) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		l.check(slices.Contains(allowed, key), "%s: unknown %s", where, key)
	}
}

func (l *linter) parameter(name string, p map[string]any) {
	only(l, "parameter "+name, p, "Type", "Description", "Default", "NoEcho", "MinLength", "MaxLength",
		"MinValue", "MaxValue", "AllowedValues", "AllowedPattern", "ConstraintDescription")
	l.check(p["Type"] == "String" || p["Type"] == "Number", "parameter %s: type %v", name, p["Type"])
	fallback, has := p["Default"]
	if !has {
		return
	}
	if allowed, ok := p["AllowedValues"].([]any); ok {
		l.check(slices.Contains(allowed, fallback), "parameter %s: its default is not allowed", name)
	}
	if expr, ok := p["AllowedPattern"].(string); ok {
		l.check(regexp.MustCompile("^(?:"+expr+")$").MatchString(fmt.Sprint(fallback)), "parameter %s: its default does not match", name)
	}
	if least, ok := p["MinLength"].(int); ok {
		l.check(len(fmt.Sprint(fallback)) >= least, "parameter %s: its default is too short", name)
	}
}

// groups finds the parameters that a console would show in no group, or twice.
func (l *linter) groups() {
	var shown []string
	each(l.top["Metadata"], func(m map[string]any) {
		names, _ := m["Parameters"].([]any)
		for _, name := range names {
			shown = append(shown, fmt.Sprint(name))
		}
	})
	slices.Sort(shown)
	names := slices.Sorted(maps.Keys(l.Parameters))
	l.check(slices.Equal(shown, names), "the groups have the parameters %v, there are %v", shown, names)
}

func (l *linter) resource(name string, r map[string]any) {
	only(l, name, r, "Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy")
	typ := fmt.Sprint(r["Type"])
	s := l.schemas[typ]
	if s == nil {
		l.check(false, "%s: no schema of type %s", name, typ)
		return
	}
	l.needs[name] = map[string]bool{}
	l.references(name, name, r)
	if on, ok := r["DependsOn"].(string); ok {
		l.check(l.Resources[on] != nil, "%s depends on %s, which there is not", name, on)
		l.needs[name][on] = true
	}
	if c, ok := r["Condition"].(string); ok {
		l.check(l.Conditions[c] != nil, "%s has the condition %s, which there is not", name, c)
		l.used[c] = true
	}
	for _, outcome := range []bool{true, false} {
		properties, _ := l.resolve(r["Properties"], outcome).(map[string]any)
		if err := s.compiled.Validate(properties); err != nil {
			l.check(false, "%s: %v", name, err)
		}
		if typ == "AWS::Lambda::Function" {
			// What the registry leaves to the service.
			l.check(properties["Runtime"] == "provided.al2023", "%s has the Runtime %v", name, properties["Runtime"])
			timeout, _ := properties["Timeout"].(int)
			l.check(timeout > 0 && timeout <= 900, "%s has the Timeout %v", name, properties["Timeout"])
		}
		if rate, ok := properties["ScheduleExpression"].(string); ok {
			l.check(regexp.MustCompile(`^rate\(([2-9]|\d\d+) (minutes|hours|days)\)$`).MatchString(rate), "%s: %q is no rate", name, rate)
		}
		eachStatement(properties, func(s map[string]any) { l.statement(name, s) })
	}
}

// statement looks at one of a policy, which is any object to a schema.
func (l *linter) statement(name string, s map[string]any) {
	only(l, name+"'s policy", s, "Sid", "Effect", "Principal", "Action", "Resource", "Condition")
	l.check(s["Effect"] == "Allow" || s["Effect"] == "Deny", "%s's policy has the effect %v", name, s["Effect"])
	l.check(s["Resource"] != nil || s["Principal"] != nil, "%s's policy is for nothing", name)
	actions, ok := s["Action"].([]any)
	if !ok {
		actions = []any{s["Action"]}
	}
	for _, a := range actions {
		l.check(regexp.MustCompile(`^(s3|logs|sts|lambda):[A-Z][A-Za-z]+$`).MatchString(fmt.Sprint(a)), "%s's policy has the action %v", name, a)
	}
}

// eachStatement calls f with every statement of every policy in v.
func eachStatement(v any, f func(map[string]any)) {
	each(v, func(m map[string]any) {
		statements, _ := m["Statement"].([]any)
		for _, s := range statements {
			f(s.(map[string]any))
		}
	})
}

// each calls f with every map in v, itself too.
func each(v any, f func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		f(v)
		for _, inner := range v {
			each(inner, f)
		}
	case []any:
		for _, inner := range v {
			each(inner, f)
		}
	}
}

var substitute = regexp.MustCompile(`\$\{([^}]+)\}`)

// references finds names of what is not there. from is the resource that v is
// of, or "".
func (l *linter) references(where, from string, v any) {
	each(v, func(m map[string]any) {
		for key, value := range m {
			switch key {
			case "Ref":
				l.reference(where, from, fmt.Sprint(value), "")
			case "Fn::GetAtt":
				parts := value.([]any)
				l.reference(where, from, fmt.Sprint(parts[0]), fmt.Sprint(parts[1]))
			case "Fn::Sub":
				for _, found := range substitute.FindAllStringSubmatch(fmt.Sprint(value), -1) {
					name, attribute, _ := strings.Cut(found[1], ".")
					l.reference(where, from, name, attribute)
				}
			case "Fn::If":
				condition := fmt.Sprint(value.([]any)[0])
				l.check(l.Conditions[condition] != nil, "%s asks for the condition %s, which there is not", where, condition)
				l.used[condition] = true
			}
		}
	})
}

// pseudoParameters are those of CloudFormation itself, with examples.
var pseudoParameters = map[string]string{
	"AWS::AccountId": "123456789012", "AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::StackName": "example",
}

func (l *linter) reference(where, from, name, attribute string) {
	switch {
	case pseudoParameters[name] != "":
	case l.Parameters[name] != nil && attribute == "":
		l.used[name] = true
	case l.Resources[name] != nil:
		if from != "" {
			l.needs[from][name] = true
		}
		if s := l.schemas[fmt.Sprint(l.Resources[name]["Type"])]; attribute != "" && s != nil {
			l.check(slices.Contains(s.attributes, attribute), "%s: %s has no attribute %s", where, name, attribute)
		}
	default:
		l.check(false, "%s: there is no %s", where, name)
	}
}

// reaches reports whether from needs to, over any number of others.
func (l *linter) reaches(from, to string, seen map[string]bool) bool {
	for next := range l.needs[from] {
		if next == to {
			return true
		}
		if !seen[next] {
			seen[next] = true
			if l.reaches(next, to, seen) {
				return true
			}
		}
	}
	return false
}

// resolve puts in what CloudFormation would, with examples for what only it
// knows, where all conditions have the given outcome.
func (l *linter) resolve(v any, outcome bool) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, 0, len(v))
		for _, inner := range v {
			out = append(out, l.resolve(inner, outcome))
		}
		return out
	case map[string]any:
		for key, value := range v {
			switch key {
			case "Ref":
				return l.example(fmt.Sprint(value), "")
			case "Fn::GetAtt":
				parts := value.([]any)
				return l.example(fmt.Sprint(parts[0]), fmt.Sprint(parts[1]))
			case "Fn::Sub":
				return substitute.ReplaceAllStringFunc(fmt.Sprint(value), func(s string) string {
					name, attribute, _ := strings.Cut(s[2:len(s)-1], ".")
					return fmt.Sprint(l.example(name, attribute))
				})
			case "Fn::If":
				parts := value.([]any)
				if outcome {
					return l.resolve(parts[1], outcome)
				}
				return l.resolve(parts[2], outcome)
			}
		}
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = l.resolve(value, outcome)
		}
		return out
	}
	return v
}

func (l *linter) example(name, attribute string) any {
	if value, ok := pseudoParameters[name]; ok {
		return value
	}
	if p := l.Parameters[name]; p != nil {
		if fallback, ok := p["Default"]; ok && fallback != "" {
			return fallback
		}
		return "example-of-a-parameter"
	}
	switch attribute {
	case "Arn":
		switch l.Resources[name]["Type"] {
		case "AWS::IAM::Role":
			return "arn:aws:iam::123456789012:role/example"
		case "AWS::Lambda::Function":
			return "arn:aws:lambda:eu-west-1:123456789012:function:example"
		}
		return "arn:aws:s3:::example"
	case "":
		return "example"
	}
	return "https://example.com"
}
