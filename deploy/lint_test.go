package deploy_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A sound template names only what there is, and gives each resource properties
// that the schema of its type allows. The schemas in testdata are those of
// CloudFormation's registry (of the summer of 2026), without their descriptions;
// that of alarms with the lengths and values that CloudWatch's API has.

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
	known, err := schemas()
	require.NoError(t, err)
	l := &linter{tpl, known, nil, map[string]bool{}, map[string]map[string]bool{}}
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
	if ok {
		return
	}
	// A mistake shows in each outcome of the conditions.
	if said := fmt.Sprintf(format, args...); !slices.Contains(l.found, said) {
		l.found = append(l.found, said)
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
	l.check(p["Type"] == "String" || p["Type"] == "Number" || p["Type"] == "CommaDelimitedList", "parameter %s: type %v", name, p["Type"])
	expr, hasPattern := p["AllowedPattern"].(string)
	pattern, err := regexp.Compile("^(?:" + expr + ")$")
	l.check(err == nil, "parameter %s: %v", name, err)
	fallback, has := p["Default"]
	if !has {
		return
	}
	if allowed, ok := p["AllowedValues"].([]any); ok {
		l.check(slices.Contains(allowed, fallback), "parameter %s: its default is not allowed", name)
	}
	if hasPattern && err == nil {
		l.check(pattern.MatchString(fmt.Sprint(fallback)), "parameter %s: its default does not match", name)
	}
	if least, ok := p["MinLength"].(int); ok {
		l.check(len(fmt.Sprint(fallback)) >= least, "parameter %s: its default is too short", name)
	}
	if least, ok := p["MinValue"].(int); ok {
		n, _ := fallback.(int)
		l.check(n >= least, "parameter %s: its default is too small", name)
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
	for _, outcome := range outcomes(r["Properties"]) {
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
		if typ == "AWS::CloudWatch::Alarm" {
			l.alarm(name, properties)
		}
		if rate, ok := properties["ScheduleExpression"].(string); ok {
			l.check(regexp.MustCompile(`^rate\((1 (minute|hour|day)|([2-9]|\d\d+) (minutes|hours|days))\)$`).MatchString(rate), "%s: %q is no rate", name, rate)
		}
		eachStatement(properties, func(s map[string]any) { l.statement(name, s) })
	}
}

// statement looks at one of a policy, which is any object to a schema.
func (l *linter) statement(name string, s map[string]any) {
	only(l, name+"'s policy", s, "Sid", "Effect", "Principal", "Action", "Resource", "Condition")
	l.check(s["Effect"] == "Allow" || s["Effect"] == "Deny", "%s's policy has the effect %v", name, s["Effect"])
	resources, isList := s["Resource"].([]any)
	l.check((s["Resource"] != nil || s["Principal"] != nil) && (!isList || len(resources) > 0), "%s's policy is for nothing", name)
	actions, ok := s["Action"].([]any)
	if !ok {
		actions = []any{s["Action"]}
	}
	for _, a := range actions {
		l.check(regexp.MustCompile(`^(s3|logs|sts|lambda|secretsmanager|ssm|kms|ec2):[A-Z][A-Za-z]+$`).MatchString(fmt.Sprint(a)), "%s's policy has the action %v", name, a)
	}
}

// eachStatement calls f with every statement of every policy in v, those of a
// condition too.
func eachStatement(v any, f func(map[string]any)) {
	each(v, func(m map[string]any) {
		statements, _ := m["Statement"].([]any)
		for len(statements) > 0 {
			s := statements[0].(map[string]any)
			statements = statements[1:]
			if either, ok := s["Fn::If"].([]any); ok {
				statements = append(either[1:], statements...)
			} else if s["Ref"] == nil {
				f(s)
			}
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
				parts, _ := value.([]any)
				l.check(len(parts) == 3, "%s has an If of %d parts", where, len(parts))
				if len(parts) > 0 {
					condition := fmt.Sprint(parts[0])
					l.check(l.Conditions[condition] != nil, "%s asks for the condition %s, which there is not", where, condition)
					l.used[condition] = true
				}
			}
		}
	})
}

func (l *linter) reference(where, from, name, attribute string) {
	switch {
	case pseudoParameters[name] != "", name == "AWS::NoValue":
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
