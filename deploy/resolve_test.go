package deploy_test

import (
	"fmt"
	"maps"
	"strings"
)

// pseudoParameters are those of CloudFormation itself, with examples.
var pseudoParameters = map[string]string{
	"AWS::AccountId": "123456789012", "AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::StackName": "example",
}

// noValue stands for what CloudFormation takes out of the list or the properties
// that it is in.
type noValue struct{}

// outcomes are what the conditions that v asks for may come to: all hold, none,
// all but one, and one alone. That is each of a pair of conditions both ways
// without counting to two to the power of them.
func outcomes(v any) []map[string]bool {
	asked := map[string]bool{}
	each(v, func(m map[string]any) {
		if parts, ok := m["Fn::If"].([]any); ok && len(parts) > 0 {
			asked[fmt.Sprint(parts[0])] = true
		}
	})
	all := []map[string]bool{asked, {}}
	for condition := range asked {
		but := maps.Clone(asked)
		delete(but, condition)
		all = append(all, but, map[string]bool{condition: true})
	}
	return all
}

// resolve puts in what CloudFormation would, with examples for what only it
// knows.
func (l *linter) resolve(v any, outcome map[string]bool) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, 0, len(v))
		for _, inner := range v {
			if r := l.resolve(inner, outcome); r != (noValue{}) {
				out = append(out, r)
			}
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
				parts, _ := value.([]any)
				switch {
				case len(parts) != 3:
					return noValue{} // found elsewhere
				case outcome[fmt.Sprint(parts[0])]:
					return l.resolve(parts[1], outcome)
				}
				return l.resolve(parts[2], outcome)
			}
		}
		out := make(map[string]any, len(v))
		for key, value := range v {
			if r := l.resolve(value, outcome); r != (noValue{}) {
				out[key] = r
			}
		}
		return out
	}
	return v
}

func (l *linter) example(name, attribute string) any {
	if name == "AWS::NoValue" {
		return noValue{}
	}
	if value, ok := pseudoParameters[name]; ok {
		return value
	}
	if p := l.Parameters[name]; p != nil {
		fallback, ok := p["Default"]
		switch {
		case p["Type"] == "CommaDelimitedList":
			return []any{"example-of-a-parameter"}
		case ok && fallback != "":
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
