package helm_test

import (
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kind "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
)

// Values that cannot work are refused, and the message holds each of the words:
// the value and what would do.
func TestValues_thatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values string
		words  []string
	}{
		"misspelt":                      {"pylon: {startDat: x}", []string{"startDat"}},
		"misspelt below":                {"kafka: {sasl: {mechanisms: PLAIN}}", []string{"mechanisms"}},
		"misspelt, Kubernetes' own":     {"resources: {limit: {memory: 1Gi}}", []string{"resources", "limit"}},
		"misspelt affinity":             {"affinity: {nodeAfinity: {}}", []string{"nodeAfinity"}},
		"misspelt in a list":            {"tolerations: [{keys: a}]", []string{"keys"}},
		"misspelt security":             {"securityContext: {readOnlyRootFileSystem: true}", []string{"readOnlyRootFileSystem"}},
		"misspelt resource":             {"resources: {limits: {memroy: 1Gi}}", []string{"memroy"}},
		"misspelt capability":           {"securityContext: {capabilities: {dropp: [ALL]}}", []string{"dropp"}},
		"misspelt seccomp":              {"podSecurityContext: {seccompProfile: {typ: Localhost}}", []string{"typ"}},
		"misspelt container":            {"extraContainers: [{nameX: proxy, image: proxy}]", []string{"nameX", "name"}},
		"misspelt image":                {"initContainers: [{name: wait, imgae: wait}]", []string{"imgae", "image"}},
		"misspelt below a container":    {"initContainers: [{name: wait, image: wait, env: [{name: A, valeu: a}]}]", []string{"valeu"}},
		"container without an image":    {"extraContainers: [{name: proxy}]", []string{"image"}},
		"misspelt volume":               {"extraVolumes: [{name: ca, configmap: {name: ca}}]", []string{"configmap"}},
		"budget of nothing":             {"replicaCount: 2\npodDisruptionBudget: {maxUnavailable: \"0%\"}", []string{"maxUnavailable"}},
		"misspelt threshold":            {"prometheusRule: {thresholds: {stale: 1}}", []string{"stale"}},
		"former name":                   {"replicas: 2", []string{"replicas"}},
		"date without a time":           {"pylon: {startDate: \"2024-01-31\"}", []string{"startDate"}},
		"duration without a unit":       {"pylon: {pollInterval: \"15\"}", []string{"pollInterval"}},
		"unknown stream":                {"pylon: {streams: [tagz]}", []string{"tagz"}},
		"interval of an unknown stream": {"pylon: {intervals: {tagz: 1h}}", []string{"tagz"}},
		"unknown endpoint":              {"pylon: {rateLimits: {issue_search: 1}}", []string{"issue_search"}},
		"unknown mechanism":             {"kafka: {sasl: {mechanism: SCRAM-SHA-1}}", []string{"SCRAM-SHA-512"}},
		"unknown layout":                {"valueLayout: wide", []string{"valueLayout", "flat"}},
		"unknown key format":            {"kafka: {keyFormat: json}", []string{"keyFormat", "avro"}},
		"share above one":               {"tombstonesMaxShare: 50", []string{"tombstonesMaxShare"}},
		"no lease":                      {"kafka: {offsetsPartitions: 0}", []string{"offsetsPartitions"}},
		"too little time to stop":       {"terminationGracePeriodSeconds: 10", []string{"terminationGracePeriodSeconds"}},
		"secret's key empty":            {"pylon: {existingSecretKey: \"\"}", []string{"existingSecretKey"}},
		"two tokens":                    {"pylon: {apiToken: t}", []string{"pylon.existingSecret", "pylon.apiToken"}},
		"no token":                      {"pylon: {existingSecret: \"\"}", []string{"pylon.existingSecret", "pylon.apiToken"}},
		"blank token":                   {"pylon: {existingSecret: \"\", apiToken: \" \"}", []string{"pylon.apiToken", "pylon.existingSecret"}},
		"PLAIN alone":                   {"kafka: {sasl: {mechanism: PLAIN}}", []string{"kafka.sasl.username", "kafka.sasl.existingSecret"}},
		"OAUTHBEARER alone":             {"kafka: {sasl: {mechanism: OAUTHBEARER}}", []string{"kafka.sasl.oauth.tokenUrl", "kafka.sasl.oauth.clientId", "kafka.sasl.oauth.existingSecret"}},
		"user without a mechanism":      {"kafka: {sasl: {username: u}}", []string{"kafka.sasl.mechanism"}},
		"files without TLS":             {"kafka: {tls: {existingSecret: s}}", []string{"kafka.tls.enabled"}},
		"certificate without a key":     {"kafka: {tls: {enabled: true, certKey: tls.crt}}", []string{"kafka.tls.keyKey", "kafka.tls.existingSecret"}},
		"user without a registry":       {"schemaRegistry: {username: u}", []string{"schemaRegistry.url", "schemaRegistry.existingSecret"}},
		"monitor without a Service":     {"serviceMonitor: {enabled: true}\nservice: {enabled: false}", []string{"service.enabled", "podMonitor.enabled"}},
		"two monitors":                  {"serviceMonitor: {enabled: true}\npodMonitor: {enabled: true}", []string{"serviceMonitor.enabled", "podMonitor.enabled"}},
		"budget with one replica":       {"podDisruptionBudget: {enabled: true}", []string{"podDisruptionBudget.enabled", "replicaCount", "auto"}},
		"replicas of a CronJob":         {"cronJob: {enabled: true}\nreplicaCount: 2", []string{"replicaCount", "cronJob.enabled"}},
		"monitored CronJob":             {"cronJob: {enabled: true}\nprometheusRule: {enabled: true}", []string{"prometheusRule.enabled", "cronJob.enabled"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tryRender(t, nil, minimal, tt.values)
			wantError(t, err, tt.words)
		})
	}
	t.Run("nothing at all", func(t *testing.T) {
		t.Parallel()
		_, err := tryRender(t, nil)
		wantError(t, err, []string{"pylon.startDate", "pylon.existingSecret", "kafka.brokers"})
	})
}

// What Kubernetes takes is not refused for its shape.
func TestValues_ofKubernetesAreTaken(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]string{
		"resources":    "resources: {limits: {memory: 1Gi, ephemeral-storage: 1Gi, hugepages-2Mi: 4Mi, example.com/gpu: 1}, claims: [{name: a}]}",
		"capabilities": "securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}",
		"seccomp":      "podSecurityContext: {seccompProfile: {type: Localhost, localhostProfile: a.json}}",
		"no seccomp":   "podSecurityContext: {seccompProfile: null}\nsecurityContext: {capabilities: null}",
		"containers":   "initContainers: [{name: proxy, image: proxy, restartPolicy: Always, ports: [{containerPort: 1}], startupProbe: {tcpSocket: {port: 1}}}]",
		"a share":      "replicaCount: 20\npodDisruptionBudget: {maxUnavailable: \"10%\"}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := tryRender(t, nil, minimal, values); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func wantError(t *testing.T, err error, words []string) {
	t.Helper()
	if err == nil {
		t.Fatal("they were taken")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the message does not name %s: %v", word, err)
		}
	}
}

// cluster is one that Helm's lookup sees: objects by kind.
type cluster struct{ client dynamic.Interface }

func (c cluster) GetClientFor(_, name string) (dynamic.NamespaceableResourceInterface, bool, error) {
	return c.client.Resource(kind.GroupVersionResource{Version: "v1", Resource: strings.ToLower(name) + "s"}), true, nil
}

func newCluster(secrets ...*core.Secret) cluster {
	objects := []runtime.Object{
		&core.ServiceAccount{ObjectMeta: meta.ObjectMeta{Namespace: "support", Name: "default"}},
		&core.Namespace{ObjectMeta: meta.ObjectMeta{Name: "support"}},
		&core.Namespace{ObjectMeta: meta.ObjectMeta{Name: "kube-system"}},
		&core.Namespace{ObjectMeta: meta.ObjectMeta{Name: "young"}}, // without its ServiceAccount yet
	}
	for _, secret := range secrets {
		objects = append(objects, secret)
	}
	return cluster{fake.NewSimpleDynamicClient(scheme.Scheme, objects...)}
}

// newTenantsCluster is one whose user may see no namespace.
func newTenantsCluster(secret *core.Secret) cluster {
	account := &core.ServiceAccount{ObjectMeta: meta.ObjectMeta{Namespace: "support", Name: "default"}}
	client := fake.NewSimpleDynamicClient(scheme.Scheme, account, secret)
	client.PrependReactor("get", "namespaces", func(action clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(action.GetResource().GroupResource(), "kube-system", nil)
	})
	return cluster{client}
}

func TestSecrets_areLookedAtInACluster(t *testing.T) {
	t.Parallel()
	secret := func(data map[string][]byte) *core.Secret {
		return &core.Secret{ObjectMeta: meta.ObjectMeta{Namespace: "support", Name: "pylon"}, Data: data}
	}
	tests := map[string]struct {
		cluster cluster
		values  string
		words   []string // of the message; none: it is taken
	}{
		"not there":                              {newCluster(), "", []string{"pylon.existingSecret", `"pylon"`, `"support"`, "verifySecrets"}},
		"without the key":                        {newCluster(secret(map[string][]byte{"token": []byte("t")})), "", []string{"pylon.existingSecretKey", `"api-token"`, "it has: token"}},
		"empty":                                  {newCluster(secret(map[string][]byte{"api-token": []byte("\n")})), "", []string{"pylon.existingSecretKey", `"api-token"`, "empty"}},
		"as it should be":                        {newCluster(secret(map[string][]byte{"api-token": []byte("t")})), "", nil},
		"made later":                             {newCluster(), "verifySecrets: false", nil},
		"a namespace anew":                       {newCluster(), "namespaceOverride: elsewhere", []string{"pylon.existingSecret", `no namespace "elsewhere"`, "make the namespace and the Secret first", "verifySecrets"}},
		"a namespace anew, made later":           {newCluster(), "namespaceOverride: elsewhere\nverifySecrets: false", nil},
		"a namespace anew, and no Secret":        {newCluster(), "namespaceOverride: elsewhere\npylon: {existingSecret: \"\", apiToken: t}", nil},
		"a namespace without its ServiceAccount": {newCluster(), "namespaceOverride: young", []string{`no Secret "pylon" in the namespace "young"`}},
		"a tenant":                               {newTenantsCluster(secret(map[string][]byte{"api-token": []byte("t")})), "", nil},
		"a tenant without the key":               {newTenantsCluster(secret(nil)), "", []string{"pylon.existingSecretKey"}},
		"a broker's password that is not there": {
			newCluster(secret(map[string][]byte{"api-token": []byte("t")})),
			"kafka: {sasl: {mechanism: PLAIN, username: u, existingSecret: kafka-user}}",
			[]string{"kafka.sasl.existingSecret", `"kafka-user"`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tryRender(t, tt.cluster, minimal, tt.values)
			if len(tt.words) > 0 {
				wantError(t, err, tt.words)
			} else if err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}
