// Command kubelet-credentials reads one question a line (an image and the Docker configs of its pull Secrets, as JSON)
// and prints one answer a line: the credentials that a kubelet would try, in its order, from the kubelet's own code.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/go-logr/logr"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
	"k8s.io/kubernetes/pkg/util/parsers"
)

type question struct {
	Image         string   `json:"image"`
	DockerConfig  *string  `json:"dockerConfig"`
	DockerConfigs []string `json:"dockerConfigs"`
}

type login struct {
	Username string `json:"username"`
	Password string `json:"password"`
	// Whether the kubelet can hand it to the container runtime, whose messages hold UTF-8 only.
	Usable bool `json:"usable"`
}

type answer struct {
	Matches []login `json:"matches"`
}

type refusal struct {
	Error string `json:"error"`
}

func main() {
	log.SetFlags(0)
	// The kubelet logs the entries that it ignores, with the text of the entry; nobody here wants to read that.
	klog.SetLogger(logr.Discard())
	if err := answerAll(os.Stdin, os.Stdout); err != nil {
		log.Fatalf("kubelet-credentials: %v", err)
	}
}

func answerAll(questions io.Reader, answers io.Writer) error {
	lines := bufio.NewReader(questions)
	output := json.NewEncoder(answers)
	output.SetEscapeHTML(false)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var asked question
			if err := json.Unmarshal(line, &asked); err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
			if err := output.Encode(reply(asked)); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func reply(asked question) any {
	matches, err := lookUp(asked)
	if err != nil {
		return refusal{err.Error()}
	}
	return answer{matches}
}

// lookUp takes the steps of the kubelet's image manager, on a node that has no credentials of its own.
func lookUp(asked question) ([]login, error) {
	repository, _, _, err := parsers.ParseImageName(asked.Image)
	if err != nil {
		return nil, err
	}
	nodeKeyring := credentialprovider.UnionDockerKeyring{}
	keyring, err := secrets.MakeDockerKeyring(pullSecrets(asked), nodeKeyring)
	if err != nil {
		return nil, err
	}
	found, _ := keyring.Lookup(repository)
	matches := make([]login, 0, len(found))
	for _, credential := range found {
		_, err := proto.Marshal(&runtime.AuthConfig{Username: credential.Username, Password: credential.Password})
		matches = append(matches, login{credential.Username, credential.Password, err == nil})
	}
	return matches, nil
}

func pullSecrets(asked question) []corev1.Secret {
	configs := asked.DockerConfigs
	if asked.DockerConfig != nil {
		configs = append([]string{*asked.DockerConfig}, configs...)
	}
	list := make([]corev1.Secret, 0, len(configs))
	for _, config := range configs {
		list = append(list, corev1.Secret{
			Type: corev1.SecretTypeDockerConfigJson,
			Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(config)},
		})
	}
	return list
}
