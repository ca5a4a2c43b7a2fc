// The data folder: goes in a path, come out the keys and tokens of one control plane and the kubeconfig of its administrator.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/keyutil"
)

const administrator = "regcred-admin"

type folder struct{ path string }

func (f folder) file(name string) string { return filepath.Join(f.path, name) }

func (f folder) etcd() string              { return f.file("etcd") }
func (f folder) certificates() string      { return f.file("certificates") }
func (f folder) certificate() string       { return f.file("certificates/apiserver.crt") }
func (f folder) serviceAccountKey() string { return f.file("service-account.key") }
func (f folder) tokens() string            { return f.file("tokens.csv") }
func (f folder) kubeconfig() string        { return f.file("kubeconfig") }
func (f folder) auditLog() string          { return f.file("audit.log") }
func (f folder) auditPolicy() string       { return f.file("audit-policy.yaml") }

// writeIdentities makes the key that signs ServiceAccount tokens, and the one user who may do everything. Tests that need
// somebody else impersonate (`kubectl --as`), or ask for the token of a ServiceAccount.
func (f folder) writeIdentities() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	pem, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return err
	}
	token := make([]byte, 32)
	if _, err := rand.Read(token); err != nil {
		return err
	}
	line := fmt.Sprintf("%s,%s,%s,system:masters\n", hex.EncodeToString(token), administrator, administrator)
	return errors.Join(
		os.WriteFile(f.serviceAccountKey(), pem, 0o600),
		os.WriteFile(f.tokens(), []byte(line), 0o600),
	)
}

// writeKubeconfig is called when the API server has its address and has made its certificate.
func (f folder) writeKubeconfig(server string) error {
	authority, err := os.ReadFile(f.certificate())
	if err != nil {
		return err
	}
	tokens, err := os.ReadFile(f.tokens())
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["regcred"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: authority}
	config.AuthInfos[administrator] = &clientcmdapi.AuthInfo{Token: string(tokens[:64])}
	config.Contexts["regcred"] = &clientcmdapi.Context{Cluster: "regcred", AuthInfo: administrator}
	config.CurrentContext = "regcred"
	return clientcmd.WriteToFile(*config, f.kubeconfig())
}

// address is where a control plane that is continued has to be found again; any port serves a new one.
func (f folder) address() string {
	config, err := clientcmd.LoadFromFile(f.kubeconfig())
	if err != nil {
		return "127.0.0.1:0"
	}
	return strings.TrimPrefix(config.Clusters["regcred"].Server, "https://")
}

// client is the administrator's; the limits that protect a shared server would only slow a test down.
func (f folder) client() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", f.kubeconfig())
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	return config, nil
}
