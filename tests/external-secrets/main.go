// Command external-secret-engine reads one question a line (an ExternalSecret, what its store holds and what its generators
// answer, as JSON) and prints one answer a line: the Secret that the operator would write, by the operator's own code.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"github.com/external-secrets/external-secrets/pkg/controllers/templating"
	"github.com/external-secrets/external-secrets/pkg/esutils"
	"github.com/external-secrets/external-secrets/pkg/template"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
)

type question struct {
	ExternalSecret json.RawMessage `json:"externalSecret"`
	// Store holds values by key and property.
	Store map[string]map[string]string `json:"store"`
	// Generators hold what they answer by kind and name, joined by a slash.
	Generators map[string]map[string]string `json:"generators"`
}

type answer struct {
	Name  string            `json:"name,omitempty"`
	Type  string            `json:"type,omitempty"`
	Data  map[string]string `json:"data,omitempty"`
	Error string            `json:"error,omitempty"`
}

func main() {
	log.SetFlags(0)
	questions := json.NewDecoder(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for {
		var asked question
		if err := questions.Decode(&asked); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			log.Fatalf("external-secret-engine: %v", err)
		}
		reply, err := write(asked)
		if err != nil {
			reply = answer{Error: err.Error()}
		}
		if err := answers.Encode(reply); err != nil {
			log.Fatalf("external-secret-engine: %v", err)
		}
	}
}

// write takes the steps of the operator's reconciler, in its order.
func write(asked question) (answer, error) {
	var object esv1.ExternalSecret
	decoder := json.NewDecoder(bytes.NewReader(asked.ExternalSecret))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&object); err != nil {
		return answer{}, err
	}
	values, err := fetch(object.Spec, asked)
	if err != nil {
		return answer{}, err
	}
	target := object.Spec.Target.Template
	execute, err := template.EngineForVersion(target.EngineVersion)
	if err != nil {
		return answer{}, err
	}
	secret := &corev1.Secret{}
	parser := templating.Parser{TargetSecret: secret, DataMap: values, Exec: execute}
	if err := parser.MergeMap(target.Data, esv1.TemplateTargetData); err != nil {
		return answer{}, err
	}
	data := make(map[string]string, len(secret.Data))
	for key, value := range secret.Data {
		data[key] = string(value)
	}
	return answer{Name: object.Spec.Target.Name, Type: string(target.Type), Data: data}, nil
}

// fetch gathers the values: those of `dataFrom`, each rewritten, then those of `data`.
func fetch(spec esv1.ExternalSecretSpec, asked question) (map[string][]byte, error) {
	values := map[string][]byte{}
	for _, source := range spec.DataFrom {
		generator := source.SourceRef.GeneratorRef
		given, found := asked.Generators[generator.Kind+"/"+generator.Name]
		if !found {
			return nil, fmt.Errorf("there is no generator %s/%s", generator.Kind, generator.Name)
		}
		generated := make(map[string][]byte, len(given))
		for key, value := range given {
			generated[key] = []byte(value)
		}
		generated, err := esutils.RewriteMap(source.Rewrite, generated)
		if err != nil {
			return nil, err
		}
		if err := esutils.ValidateKeys(logr.Discard(), generated); err != nil {
			return nil, err
		}
		values = esutils.MergeByteMap(values, generated)
	}
	for _, wanted := range spec.Data {
		reference := wanted.RemoteRef
		value, found := asked.Store[reference.Key][reference.Property]
		if !found {
			return nil, fmt.Errorf("the store has no %s of %s", reference.Property, reference.Key)
		}
		decoded, err := esutils.Decode(reference.DecodingStrategy, []byte(value))
		if err != nil {
			return nil, err
		}
		values[wanted.SecretKey] = decoded
	}
	return values, nil
}
