package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	case "Sub", "If", "Equals":
		return map[string]any{"Fn::" + tag: value}, nil
	}
	return nil, fmt.Errorf("line %d: this test does not know !%s", n.Line, tag)
}

func readTemplate(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("aws.yaml")
	require.NoError(t, err)
	return string(doc)
}

func TestTemplateIsSound(t *testing.T) {
	tpl, err := parse([]byte(readTemplate(t)))
	require.NoError(t, err)
	assert.Empty(t, lint(t, tpl))
}

// A check that finds nothing must be one that could have.
func TestLintFindsMistakes(t *testing.T) {
	sound := readTemplate(t)
	for _, test := range []struct{ name, from, to, want string }{
		{"misspelt property", "MemorySize: 512", "MemorySise: 512", "MemorySise"},
		{"missing property", "      RouteKey: $default\n", "", "RouteKey"},
		{"unknown attribute", "!GetAtt Function.Arn", "!GetAtt Function.Arm", "Function has no attribute Arm"},
		{"unknown resource", "!Ref LogGroup", "!Ref LogGrupp", "LogGrupp"},
		{"unknown resource in a text", "integrations/${Integration}", "integrations/${Integrations}", "Integrations"},
		{"unknown parameter", "!Ref Title", "!Ref Titel", "Titel"},
		{"unused parameter", "          ROUTEWATCH_TITLE: !Ref Title\n", "", "Title is not used"},
		{"unknown condition", "Condition: IsPublic", "Condition: IsPrivate", "IsPrivate"},
		{"unknown dependency", "DependsOn: WebhookRoute", "DependsOn: Webhook", "Webhook"},
		{"circle", "      LogGroupName: !Sub /routewatch/${AWS::StackName}", "      LogGroupName: !Sub /routewatch/${Function}", "circle"},
		{"dead runtime", "provided.al2023", "go1.x", "Runtime"},
		{"processor", "[arm64]", "[arm65]", "Architectures"},
		{"out of range", "Timeout: 60", "Timeout: 901", "Timeout"},
		{"wrong type", "MaximumRetryAttempts: 0", "MaximumRetryAttempts: never", "MaximumRetryAttempts"},
		{"not one of", "Status: Enabled", "Status: On", "Status"},
		{"unknown type", "AWS::Scheduler::Schedule", "AWS::Scheduler::Scheduler", "AWS::Scheduler::Scheduler"},
		{"rate", "${ReconcileMinutes} minutes", "${ReconcileMinutes} minuts", "rate"},
		{"policy", "Effect: Allow", "Effect: Permit", "Permit"},
		{"action", "s3:PutObject", "PutObject", "PutObject"},
		{"resource attribute", "DeletionPolicy: Retain", "DeletionPolice: Retain", "DeletionPolice"},
		{"default", "Default: all", "Default: some", "Notes"},
		{"parameter attribute", "NoEcho: true", "NoEco: true", "NoEco"},
		{"parameter in no group", "Parameters: [Title, Notes,", "Parameters: [Title,", "Notes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			broken := strings.Replace(sound, test.from, test.to, 1)
			if !assert.NotEqual(t, sound, broken, "nothing was broken") {
				return
			}
			tpl, err := parse([]byte(broken))
			require.NoError(t, err)
			found := lint(t, tpl)
			assert.Contains(t, strings.Join(found, "\n"), test.want)
		})
	}
}

// What must hold beyond being well-formed.
func TestTemplateKeepsPromises(t *testing.T) {
	tpl, err := parse([]byte(readTemplate(t)))
	require.NoError(t, err)

	for name, p := range tpl.Parameters {
		secret := strings.Contains(name, "Key") && !strings.HasPrefix(name, "Code") || strings.Contains(name, "Token")
		assert.Equal(t, secret, p["NoEcho"] == true, "%s: NoEcho", name)
	}
	state := tpl.Resources["StateBucket"]
	assert.Equal(t, "Retain", state["DeletionPolicy"])
	assert.Equal(t, "Retain", state["UpdateReplacePolicy"])
	access := state["Properties"].(map[string]any)["PublicAccessBlockConfiguration"].(map[string]any)
	assert.Equal(t, map[string]any{
		"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
	}, access, "the state is nobody's but the function's")

	// Of all statements that allow everybody something, there is one.
	var public []string
	for _, name := range slices.Sorted(maps.Keys(tpl.Resources)) {
		eachStatement(tpl.Resources[name], func(s map[string]any) {
			if s["Principal"] == "*" {
				public = append(public, fmt.Sprint(name, " ", s["Action"], " ", s["Resource"]))
			}
		})
	}
	assert.Equal(t, []string{"PageBucketPolicy s3:GetObject map[Fn::Sub:${PageBucket.Arn}/*]"}, public)
}
