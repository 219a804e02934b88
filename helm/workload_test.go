package helm_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
)

func TestDefaults_makeNothingThatWasNotAskedFor(t *testing.T) {
	t.Parallel()
	want := []string{
		"Deployment/release-pylon-kafka", "Pod/release-pylon-kafka-test", "Service/release-pylon-kafka", "ServiceAccount/release-pylon-kafka",
	}
	if got := render(t, minimal).ids(); !slices.Equal(got, want) {
		t.Errorf("want %v, have %v", want, got)
	}
}

// In an upgrade the new pod is there before an old one goes.
func TestDeployment_isReplacedWithoutAGap(t *testing.T) {
	t.Parallel()
	d := one[*apps.Deployment](t, render(t, minimal, "replicaCount: 2"))
	rolling := d.Spec.Strategy.RollingUpdate
	if d.Spec.Strategy.Type != apps.RollingUpdateDeploymentStrategyType || rolling.MaxSurge.IntValue() != 1 || rolling.MaxUnavailable.IntValue() != 0 {
		t.Errorf("strategy: %+v", d.Spec.Strategy)
	}
	if grace := d.Spec.Template.Spec.TerminationGracePeriodSeconds; grace == nil || *grace <= 10 {
		t.Errorf("the pod is killed after %v s, and a clean stop may take 10 s", grace)
	}
}

func TestReplicas_bringBudgetAndSpreadFromTwoOn(t *testing.T) {
	t.Parallel()
	alone := render(t, minimal)
	if spread := one[*apps.Deployment](t, alone).Spec.Template.Spec.TopologySpreadConstraints; len(spread) != 0 {
		t.Errorf("one replica is spread: %+v", spread)
	}
	two := render(t, minimal, "replicaCount: 2")
	d := one[*apps.Deployment](t, two)
	var keys []string
	for _, c := range d.Spec.Template.Spec.TopologySpreadConstraints {
		keys = append(keys, c.TopologyKey)
		if c.WhenUnsatisfiable != core.ScheduleAnyway || !isSubset(c.LabelSelector.MatchLabels, d.Spec.Template.Labels) {
			t.Errorf("a replica may find no node, or counts other pods: %+v", c)
		}
	}
	if want := []string{"kubernetes.io/hostname", "topology.kubernetes.io/zone"}; !slices.Equal(keys, want) {
		t.Errorf("spread over %v, want %v", keys, want)
	}
	if budget := one[*policy.PodDisruptionBudget](t, two); budget.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("budget: %+v", budget.Spec)
	}
	off := render(t, minimal, "replicaCount: 2\npodDisruptionBudget: {enabled: false}")
	if slices.Contains(off.ids(), "PodDisruptionBudget/release-pylon-kafka") {
		t.Error("a budget that was switched off is there")
	}
}

func TestCronJob_takesThePlaceOfTheDeployment(t *testing.T) {
	t.Parallel()
	r := render(t, minimal, "cronJob: {enabled: true}")
	want := []string{"CronJob/release-pylon-kafka", "Pod/release-pylon-kafka-test", "ServiceAccount/release-pylon-kafka"}
	if got := r.ids(); !slices.Equal(got, want) {
		t.Errorf("want %v, have %v", want, got)
	}
	job := one[*batch.CronJob](t, r).Spec
	pod := job.JobTemplate.Spec.Template.Spec
	if job.ConcurrencyPolicy != batch.ForbidConcurrent || pod.RestartPolicy != core.RestartPolicyNever || !slices.Equal(pod.Containers[0].Args, []string{"sync"}) {
		t.Errorf("concurrency %s, restart %s, arguments %v", job.ConcurrencyPolicy, pod.RestartPolicy, pod.Containers[0].Args)
	}
	// Codes that no further try mends, and none that one may: 130 and 143, which an interrupted pass ends with, are failures.
	for _, rule := range job.JobTemplate.Spec.PodFailurePolicy.Rules {
		if rule.OnExitCodes != nil && !slices.Equal(rule.OnExitCodes.Values, []int32{2, 3}) {
			t.Errorf("codes without another try: %v", rule.OnExitCodes.Values)
		}
	}
	for _, v := range pod.Containers[0].Env {
		if v.Name == "HTTP_ADDR" {
			t.Error("a pass has a port that nobody asks")
		}
	}
}

// A hook runs before the release: it may name nothing that the release makes.
func TestCheckHook_bringsWhatItNeeds(t *testing.T) {
	t.Parallel()
	r := render(t, minimal, "pylon: {existingSecret: \"\", apiToken: t}\ncheckHook: {enabled: true}")
	job := one[*batch.Job](t, r)
	pod := job.Spec.Template.Spec
	for _, needed := range []string{"Secret/" + pod.Volumes[0].Secret.SecretName, "ServiceAccount/" + pod.ServiceAccountName} {
		for _, o := range r.objects {
			if id(o) != needed {
				continue
			}
			if hook := o.GetAnnotations()["helm.sh/hook"]; hook != job.Annotations["helm.sh/hook"] {
				t.Errorf("%s is made at %q, the check at %q", needed, hook, job.Annotations["helm.sh/hook"])
			}
		}
	}
	if hook := job.Annotations["helm.sh/hook"]; hook != "pre-install,pre-upgrade" {
		t.Errorf("the check runs at %q", hook)
	}
	// What a hook leaves behind, no uninstall takes away.
	if when := job.Annotations["helm.sh/hook-delete-policy"]; !strings.Contains(when, "hook-succeeded") {
		t.Errorf("the check is deleted at %q", when)
	}
}

// The release's own policy is not there when the check runs, and in an upgrade it
// is the one before: the check brings the rules that it will have.
func TestCheckHook_bringsItsNetworkPolicy(t *testing.T) {
	t.Parallel()
	r := render(t, minimal, "checkHook: {enabled: true}\nnetworkPolicy: {enabled: true}\nkafka: {brokers: [\"a:9095\"]}")
	policies := make(map[string]*networking.NetworkPolicy)
	for _, o := range r.objects {
		if policy, ok := o.(*networking.NetworkPolicy); ok {
			policies[policy.Name] = policy
		}
	}
	release, check := policies["release-pylon-kafka"], policies["release-pylon-kafka-check"]
	if release == nil || check == nil || len(policies) != 2 {
		t.Fatalf("want the release's policy and the check's among %v", r.ids())
	}
	job := one[*batch.Job](t, r)
	weight := func(o object) int {
		weight, err := strconv.Atoi(o.GetAnnotations()["helm.sh/hook-weight"])
		if err != nil {
			t.Fatal(err)
		}
		return weight
	}
	for _, name := range []string{"helm.sh/hook", "helm.sh/hook-delete-policy"} {
		if check.Annotations[name] != job.Annotations[name] || release.Annotations[name] != "" {
			t.Errorf("%s is %q, of the Job %q, of the release's %q", name, check.Annotations[name], job.Annotations[name], release.Annotations[name])
		}
	}
	if weight(check) >= weight(job) {
		t.Errorf("the policy is made at %d, the Job at %d", weight(check), weight(job))
	}
	selector := check.Spec.PodSelector.MatchLabels
	for _, o := range r.objects {
		if pod, ok := templateOf(o); ok && isSubset(selector, pod.labels) != (o == object(job)) {
			t.Errorf("the check's policy selects %v, the pod of %s has %v", selector, id(o), pod.labels)
		}
	}
	check.Spec.PodSelector = release.Spec.PodSelector
	if diff := cmp.Diff(release.Spec, check.Spec); diff != "" {
		t.Errorf("the check has other rules than the release (-) (+):\n%s", diff)
	}
}

// A Job whose pod has another container that runs never ends.
func TestJobs_haveNoOtherContainer(t *testing.T) {
	t.Parallel()
	const values = `
checkHook: {enabled: true}
extraContainers: [{name: proxy, image: proxy}]
podAnnotations: {sidecar.istio.io/inject: "false"}
`
	for _, o := range render(t, minimal, values).objects {
		pod, ok := templateOf(o)
		if !ok {
			continue
		}
		want := 1
		if _, service := o.(*apps.Deployment); service {
			want = 2
		}
		if len(pod.spec.Containers) != want {
			t.Errorf("%s has %d containers, want %d", id(o), len(pod.spec.Containers), want)
		}
	}
	job := one[*batch.Job](t, render(t, minimal, values))
	if job.Spec.Template.Annotations["sidecar.istio.io/inject"] != "false" {
		t.Errorf("a mesh puts its container into the check: %v", job.Spec.Template.Annotations)
	}
}

func TestNetworkPolicy_letsOutWhatTheValuesName(t *testing.T) {
	t.Parallel()
	const values = `
networkPolicy: {enabled: true}
kafka: {brokers: ["a:9092", "b:9092", "c:9094"]}
schemaRegistry: {url: "http://registry.kafka:8081/api"}
pylon: {apiUrl: "https://proxy.example.com:8443"}
`
	var ports []int
	for _, rule := range one[*networking.NetworkPolicy](t, render(t, minimal, values)).Spec.Egress {
		for _, port := range rule.Ports {
			ports = append(ports, port.Port.IntValue())
		}
	}
	if want := []int{53, 53, 9092, 9094, 8081, 8443}; !slices.Equal(ports, want) {
		t.Errorf("ports let out: %v, want %v", ports, want)
	}
}

func TestMonitors_findThePods(t *testing.T) {
	t.Parallel()
	r := render(t, minimal, "serviceMonitor: {enabled: true}")
	if selector := one[*monitoring.ServiceMonitor](t, r).Spec.Selector.MatchLabels; !isSubset(selector, one[*core.Service](t, r).Labels) {
		t.Errorf("the ServiceMonitor looks for %v", selector)
	}
	r = render(t, minimal, "podMonitor: {enabled: true}\nservice: {enabled: false}")
	if selector := one[*monitoring.PodMonitor](t, r).Spec.Selector.MatchLabels; !isSubset(selector, one[*apps.Deployment](t, r).Spec.Template.Labels) {
		t.Errorf("the PodMonitor looks for %v", selector)
	}
}

func TestNamespaceOverride_movesEverything(t *testing.T) {
	t.Parallel()
	for name, values := range examples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, o := range render(t, values, "namespaceOverride: elsewhere\ndashboard: {namespace: \"\"}\nextraManifests: []").objects {
				if o.GetNamespace() != "elsewhere" {
					t.Errorf("%s is in the namespace %q", id(o), o.GetNamespace())
				}
			}
		})
	}
}
