package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readTemplate reads one of the two that there are.
func readTemplate(t *testing.T, name string) (string, *template) {
	t.Helper()
	doc, err := os.ReadFile(name)
	require.NoError(t, err)
	tpl, err := parse(doc)
	require.NoError(t, err)
	return string(doc), tpl
}

const (
	pageTemplate = "aws.yaml"
	syncTemplate = "aws-metricsync.yaml"
)

func TestTemplatesAreSound(t *testing.T) {
	for _, name := range []string{pageTemplate, syncTemplate} {
		_, tpl := readTemplate(t, name)
		assert.Empty(t, lint(t, tpl), name)
	}
}

// mistake is one that lint is to find.
type mistake struct{ name, from, to, want string }

// A check that finds nothing must be one that could have.
func TestLintFindsMistakes(t *testing.T) {
	for template, mistakes := range map[string][]mistake{pageTemplate: inThePage, syncTemplate: inTheSync} {
		sound, _ := readTemplate(t, template)
		for _, m := range mistakes {
			t.Run(template+"/"+m.name, func(t *testing.T) {
				broken := strings.Replace(sound, m.from, m.to, 1)
				if broken == sound {
					t.Fatal("nothing was broken")
				}
				tpl, err := parse([]byte(broken))
				require.NoError(t, err)
				assert.Contains(t, strings.Join(lint(t, tpl), "\n"), m.want)
			})
		}
	}
}

var inThePage = []mistake{
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
}

var inTheSync = []mistake{
	{"misspelt property", "ReservedConcurrentExecutions: 1", "ReservedConcurentExecutions: 1", "ReservedConcurentExecutions"},
	{"list for a text", "Layers: [!Ref SecretsExtensionArn]", "Layers: !Ref SecretsExtensionArn", "Layers"},
	{"text for a list", "SubnetIds: !Ref SubnetIds", "SubnetIds: !Join [\"\", !Ref SubnetIds]", "SubnetIds"},
	{"condition of another name", "- HasVpc\n                - Effect", "- InVpc\n                - Effect", "InVpc"},
	{"property of another name", "      VpcConfig:", "      Vpc:", "Vpc"},
	{"condition for nothing", "                - HasSecretsKmsKey\n", "                - HasVpc\n", "HasSecretsKmsKey is not used"},
	{"condition without an else", "- HasPage\n                - Effect: Allow\n                  Action: s3:ListBucket\n                  Resource: !Sub arn:${AWS::Partition}:s3:::${PageStateBucket}\n                - !Ref AWS::NoValue\n", "- HasPage\n                - Effect: Allow\n                  Action: s3:ListBucket\n                  Resource: !Sub arn:${AWS::Partition}:s3:::${PageStateBucket}\n", "If of 2 parts"},
	{"wrong in one outcome", "!If [InSecretsManager, secretsmanager:GetSecretValue, ssm:GetParameter]", "!If [InSecretsManager, secretsmanager:GetSecretValue, GetParameter]", "GetParameter"},
	{"service", "kms:Decrypt", "kmz:Decrypt", "kmz:Decrypt"},
	{"rate", "rate(1 minute)", "rate(1 minutes)", "rate"},
	{"event's age", "MaximumEventAgeInSeconds: 60", "MaximumEventAgeInSeconds: 59", "MaximumEventAgeInSeconds"},
	{"comparison", "GreaterThanOrEqualToThreshold", "GreaterThanOrEqual", "ComparisonOperator"},
	{"missing data", "TreatMissingData: breaching", "TreatMissingData: breeching", "TreatMissingData"},
	{"alarm on nothing", "      MetricName: Errors\n", "", "FailingAlarm has no MetricName"},
	{"alarm on two things", "      Metrics:\n", "      MetricName: Age\n      Metrics:\n", "StaleAlarm has both Metrics and MetricName"},
	{"alarm without a threshold", "      Threshold: 3\n", "", "FailingAlarm has no Threshold"},
	{"two answers", "        - Id: age\n          ReturnData: false\n", "        - Id: age\n", "returns 2"},
	{"expression of another id", "IF(backfilling > 0, 0, age / 60)", "IF(backfilling > 0, 0, old / 60)", "asks for old"},
	{"id in capitals", "Id: backfilling", "Id: Backfilling", "Id"},
	{"statistic", "Stat: Maximum", "Stat: Max", "the Stat Max"},
	{"period", "Period: 300", "Period: 301", "the Period 301"},
	{"periods", "EvaluationPeriods: 2\n", "EvaluationPeriods: 289\n", "more than a day"},
	{"threshold", "Threshold: !Ref StaleMinutes", "Threshold: !Ref AlarmTopic", "Threshold"},
	{"default", "    Default: 30\n    MinValue: 15", "    Default: 5\n    MinValue: 15", "StaleMinutes: its default is too small"},
	{"pattern", "(arn:[a-z-]+:kms:.+)?", "(arn:[a-z-]+:kms:.+?", "SecretsKmsKeyArn"},
	{"parameter's type", "Type: CommaDelimitedList", "Type: CommaSeparatedList", "CommaSeparatedList"},
	{"parameter in no group", "Parameters: [StaleMinutes, ", "Parameters: [", "StaleMinutes"},
}

// What must hold beyond being well-formed: of the page.
func TestPageTemplateKeepsPromises(t *testing.T) {
	_, tpl := readTemplate(t, pageTemplate)
	for name, p := range tpl.Parameters {
		secret := strings.Contains(name, "Key") && !strings.HasPrefix(name, "Code") || strings.Contains(name, "Token")
		assert.Equal(t, secret, p["NoEcho"] == true, "%s: NoEcho", name)
	}
	assertPrivateAndKept(t, tpl, "StateBucket")

	// Of all statements that allow everybody something, there is one.
	assert.Equal(t, []string{"PageBucketPolicy s3:GetObject map[Fn::Sub:${PageBucket.Arn}/*]"}, statements(tpl, "Principal"))
}

// And of metric sync.
func TestSyncTemplateKeepsPromises(t *testing.T) {
	_, tpl := readTemplate(t, syncTemplate)
	assertPrivateAndKept(t, tpl, "StateBucket")
	assert.Empty(t, statements(tpl, "Principal"), "nothing is everybody's")
	all := statements(tpl, "Resource")
	require.Len(t, all, 1)
	assert.Contains(t, all[0], "[ec2:CreateNetworkInterface", "what may be done to everything, Lambda does to its own network")

	// Of the state of a page, its charts.
	var ofThePage []string
	eachStatement(tpl.Resources["FunctionRole"], func(s map[string]any) {
		if text := fmt.Sprint(s["Resource"]); strings.Contains(text, "PageStateBucket") {
			ofThePage = append(ofThePage, regexp.MustCompile(`\$\{PageStateBucket\}([^\]]*)`).FindAllString(text, -1)...)
		}
	})
	assert.Equal(t, []string{"${PageStateBucket}", "${PageStateBucket}/charts/*", "${PageStateBucket}/points/*", "${PageStateBucket}/.probe-*"}, ofThePage)

	// A secret passes through neither the stack nor the function's settings: they say
	// where it is.
	function := properties(tpl, "Function")
	for name := range function["Environment"].(map[string]any)["Variables"].(map[string]any) {
		assert.Regexp(t, `^ROUTEWATCH_METRICSYNC_(CONFIG|STATE)$|_(SECRET|PARAMETER)$`, name)
	}
	for name, p := range tpl.Parameters {
		assert.NotContains(t, p, "NoEcho", name)
	}

	// One run at a time, none twice, and each ends before the next.
	assert.Equal(t, 1, function["ReservedConcurrentExecutions"])
	assert.Equal(t, "rate(1 minute)", properties(tpl, "Schedule")["ScheduleExpression"])
	assert.Less(t, function["Timeout"], 60)
	assert.Equal(t, 0, properties(tpl, "FunctionInvokeConfig")["MaximumRetryAttempts"])
	retry := properties(tpl, "Schedule")["Target"].(map[string]any)["RetryPolicy"].(map[string]any)
	assert.Equal(t, 0, retry["MaximumRetryAttempts"])

	// Nothing tells that nothing runs, but that nothing tells anything.
	assert.Equal(t, "breaching", properties(tpl, "StaleAlarm")["TreatMissingData"])
}

func properties(tpl *template, resource string) map[string]any {
	return tpl.Resources[resource]["Properties"].(map[string]any)
}

func assertPrivateAndKept(t *testing.T, tpl *template, bucket string) {
	t.Helper()
	assert.Equal(t, "Retain", tpl.Resources[bucket]["DeletionPolicy"])
	assert.Equal(t, "Retain", tpl.Resources[bucket]["UpdateReplacePolicy"])
	assert.Equal(t, map[string]any{
		"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
	}, properties(tpl, bucket)["PublicAccessBlockConfiguration"], "the state is nobody's but the function's")
}

// statements are those whose member is everything or everybody.
func statements(tpl *template, member string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(tpl.Resources)) {
		eachStatement(tpl.Resources[name], func(s map[string]any) {
			if s[member] == "*" {
				out = append(out, fmt.Sprint(name, " ", s["Action"], " ", s["Resource"]))
			}
		})
	}
	return out
}
