// Package secret reads secrets from where they are allowed to be: the
// environment, files, and a secret store of AWS. No error shows one.
package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Env returns the secret in a variable or, where NAME_FILE is set, in the file
// that it names; "" where there is none.
func Env(name string) (string, error) {
	if v := strings.TrimSpace(os.Getenv(name)); v != "" {
		return v, nil
	}
	path := strings.TrimSpace(os.Getenv(name + "_FILE"))
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	switch s := strings.TrimSpace(string(b)); {
	case err != nil:
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	case s == "":
		return "", fmt.Errorf("%s_FILE: %s is empty", name, path)
	default:
		return s, nil
	}
}

// The suffixes of variables that name a secret in a store of AWS.
const (
	ofSecretsManager = "_SECRET"    // the id or ARN of a secret of Secrets Manager
	ofParameterStore = "_PARAMETER" // the name of a parameter of Systems Manager
)

// Lambda is Env that also knows NAME_SECRET and NAME_PARAMETER, which it reads
// through the AWS Parameters and Secrets Lambda Extension
// (docs.aws.amazon.com, "Using Parameter Store parameters in AWS Lambda
// functions"). The extension answers within invocations alone, not while a
// function starts, and keeps what it read for minutes.
func Lambda(ctx context.Context, name string) (string, error) {
	if v, err := Env(name); v != "" || err != nil {
		return v, err
	}
	if id := os.Getenv(name + ofSecretsManager); id != "" {
		var answer struct{ SecretString string }
		err := fromExtension(ctx, "/secretsmanager/get?secretId="+url.QueryEscape(id), &answer)
		return found(name+ofSecretsManager, answer.SecretString, err)
	}
	if id := os.Getenv(name + ofParameterStore); id != "" {
		var answer struct{ Parameter struct{ Value string } }
		err := fromExtension(ctx, "/systemsmanager/parameters/get?withDecryption=true&name="+url.QueryEscape(id), &answer)
		return found(name+ofParameterStore, answer.Parameter.Value, err)
	}
	return "", nil
}

func found(variable, value string, err error) (string, error) {
	value = strings.TrimSpace(value)
	if err == nil && value == "" {
		err = errors.New("it is empty, or no text")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	return value, nil
}

const (
	extensionFor = 5 * time.Second
	maxAnswer    = 1 << 20
)

// fromExtension asks the extension, which takes the function's session token for
// proof that it is the function who asks.
func fromExtension(ctx context.Context, path string, answer any) error {
	token := os.Getenv("AWS_SESSION_TOKEN")
	if token == "" {
		return errors.New("AWS_SESSION_TOKEN is not set: it can be read within a Lambda function alone")
	}
	port := os.Getenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")
	if port == "" {
		port = "2773"
	}
	ctx, cancel := context.WithTimeout(ctx, extensionFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost:"+port+path, nil)
	if err != nil {
		return errors.New("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT is no port")
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return errors.New("the Parameters and Secrets extension does not answer: is its layer part of the function?")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return errors.New("the Parameters and Secrets extension does not answer to the end")
	case resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusBadRequest:
		return fmt.Errorf("the Parameters and Secrets extension says %s: may the function's role read it, and is it there?", resp.Status)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("the Parameters and Secrets extension says %s", resp.Status)
	case json.Unmarshal(body, answer) != nil:
		return errors.New("what the Parameters and Secrets extension says is not of the form that it should be")
	}
	return nil
}
