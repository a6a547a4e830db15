package deploy_test

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// template is a CloudFormation template, with its short tags written out.
type template struct {
	top        map[string]any
	Parameters map[string]map[string]any
	Conditions map[string]any
	Resources  map[string]map[string]any
	Outputs    map[string]map[string]any
}

func parse(doc []byte) (*template, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(doc, &root); err != nil {
		return nil, err
	}
	value, err := plain(&root)
	if err != nil {
		return nil, err
	}
	top, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("it is a %T", value)
	}
	t := &template{top: top}
	t.Conditions, _ = top["Conditions"].(map[string]any)
	for section, into := range map[string]*map[string]map[string]any{
		"Parameters": &t.Parameters, "Resources": &t.Resources, "Outputs": &t.Outputs,
	} {
		*into = map[string]map[string]any{}
		entries, _ := top[section].(map[string]any)
		for name, entry := range entries {
			if (*into)[name], ok = entry.(map[string]any); !ok {
				return nil, fmt.Errorf("%s.%s is a %T", section, name, entry)
			}
		}
	}
	return t, nil
}

// plain makes of a node what JSON would have, with {"Ref": …} and {"Fn::…": …}
// for the tags !Ref and !….
func plain(n *yaml.Node) (any, error) {
	var value any
	switch n.Kind {
	case yaml.DocumentNode:
		return plain(n.Content[0])
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if _, twice := m[key]; twice {
				return nil, fmt.Errorf("line %d: %s is there twice", n.Content[i].Line, key)
			}
			v, err := plain(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[key] = v
		}
		value = m
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, err := plain(c)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		value = list
	case yaml.ScalarNode:
		if strings.HasPrefix(n.Tag, "!!") {
			if err := n.Decode(&value); err != nil {
				return nil, err
			}
		} else {
			value = n.Value
		}
	default:
		return nil, fmt.Errorf("line %d: CloudFormation knows no aliases", n.Line)
	}
	tag, short := strings.CutPrefix(n.Tag, "!")
	if !short || strings.HasPrefix(tag, "!") {
		return value, nil
	}
	switch tag {
	case "Ref", "Condition":
		return map[string]any{tag: value}, nil
	case "GetAtt":
		name, attribute, _ := strings.Cut(fmt.Sprint(value), ".")
		return map[string]any{"Fn::GetAtt": []any{name, attribute}}, nil
	case "Sub", "If", "Equals", "Not", "Join":
		return map[string]any{"Fn::" + tag: value}, nil
	}
	return nil, fmt.Errorf("line %d: this test does not know !%s", n.Line, tag)
}
