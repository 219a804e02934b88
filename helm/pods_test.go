package helm_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
)

// podTemplate is a pod that an object makes, with the pod's labels.
type podTemplate struct {
	labels map[string]string
	spec   core.PodSpec
}

// templateOf returns the pod that an object makes, if it makes any.
func templateOf(o object) (podTemplate, bool) {
	switch o := o.(type) {
	case *apps.Deployment:
		return podTemplate{o.Spec.Template.Labels, o.Spec.Template.Spec}, true
	case *batch.CronJob:
		return podTemplate{o.Spec.JobTemplate.Spec.Template.Labels, o.Spec.JobTemplate.Spec.Template.Spec}, true
	case *batch.Job:
		return podTemplate{o.Spec.Template.Labels, o.Spec.Template.Spec}, true
	case *core.Pod:
		return podTemplate{o.Labels, o.Spec}, true
	}
	return podTemplate{}, false
}

// forEachPod calls check for every pod of every example.
func forEachPod(t *testing.T, check func(t *testing.T, o object, pod podTemplate)) {
	t.Helper()
	for name, values := range examples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := 0
			for _, o := range render(t, values).objects {
				if pod, ok := templateOf(o); ok {
					check(t, o, pod)
					found++
				}
			}
			if found < 2 {
				t.Errorf("want a service or a CronJob, and a test: have %d pods", found)
			}
		})
	}
}

// What the Pod Security Standard "restricted" asks, and what else a platform
// team looks at.
func TestPods_areRestricted(t *testing.T) {
	t.Parallel()
	forEachPod(t, func(t *testing.T, o object, pod podTemplate) {
		t.Helper()
		if s := pod.spec.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot ||
			s.SeccompProfile == nil || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: the pod may run as root, or without seccomp: %+v", id(o), s)
		}
		if token := pod.spec.AutomountServiceAccountToken; token == nil || *token {
			t.Errorf("%s mounts the token of its ServiceAccount", id(o))
		}
		ours := pod.spec.Containers[0]
		s := ours.SecurityContext
		if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation ||
			s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || !slices.Contains(s.Capabilities.Drop, "ALL") {
			t.Errorf("%s: the container may gain rights or write to its file system: %+v", id(o), s)
		}
		if ours.TerminationMessagePolicy != core.TerminationMessageFallbackToLogsOnError {
			t.Errorf("%s: describe pod would not tell why it ended", id(o))
		}
		if ours.Resources.Limits.Memory().IsZero() || ours.Resources.Requests.Cpu().IsZero() {
			t.Errorf("%s has no resources: %+v", id(o), ours.Resources)
		}
		if links := pod.spec.EnableServiceLinks; links == nil || *links {
			t.Errorf("%s gets variables of every Service", id(o))
		}
	})
}

// An empty variable would take the place of the program's default.
func TestPods_haveNoBlankVariable(t *testing.T) {
	t.Parallel()
	forEachPod(t, func(t *testing.T, o object, pod podTemplate) {
		t.Helper()
		for _, v := range pod.spec.Containers[0].Env {
			if v.Value == "" && v.ValueFrom == nil {
				t.Errorf("%s: the variable %s is empty", id(o), v.Name)
			}
		}
	})
}

// Every file that a variable names is in a folder that is mounted, and every
// volume that is mounted is there.
func TestPods_mountTheFilesTheyName(t *testing.T) {
	t.Parallel()
	forEachPod(t, func(t *testing.T, o object, pod podTemplate) {
		t.Helper()
		ours := pod.spec.Containers[0]
		volumes := make(map[string]core.Volume)
		for _, v := range pod.spec.Volumes {
			volumes[v.Name] = v
		}
		var files []string
		for _, m := range ours.VolumeMounts {
			v, ok := volumes[m.Name]
			if !ok {
				t.Errorf("%s mounts %s, which is no volume", id(o), m.Name)
			}
			if m.SubPath != "" {
				t.Errorf("%s: a file that is mounted by itself (%s) never changes", id(o), m.MountPath)
			}
			if v.Secret == nil {
				continue
			}
			for _, item := range v.Secret.Items {
				files = append(files, m.MountPath+"/"+item.Path)
			}
		}
		for _, v := range ours.Env {
			if strings.HasPrefix(v.Value, "/etc/pylon-kafka/") && !slices.Contains(files, v.Value) {
				t.Errorf("%s: %s names %s, mounted are %v", id(o), v.Name, v.Value, files)
			}
		}
	})
}

// A Deployment's selector cannot change: what is in it must be the same for
// every version of the chart and whatever the values.
func TestSelectors_areStable(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"app.kubernetes.io/name": "pylon-kafka", "app.kubernetes.io/instance": "release", "app.kubernetes.io/component": "service",
	}
	for name, values := range examples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, o := range render(t, values, "commonLabels: {team: other}\npodLabels: {team: third}").objects {
				deployment, ok := o.(*apps.Deployment)
				if !ok {
					continue
				}
				if diff := cmp.Diff(want, deployment.Spec.Selector.MatchLabels); diff != "" {
					t.Errorf("selector (-want +got):\n%s", diff)
				}
				for key, value := range want {
					if deployment.Spec.Template.Labels[key] != value {
						t.Errorf("the pod's label %s is %q, its selector wants %q", key, deployment.Spec.Template.Labels[key], value)
					}
				}
			}
		})
	}
}

// A label that the chart sets itself is there once and is the chart's, whatever
// the values say; one that the values give twice is that of the object.
func TestLabels_ofTheChartWin(t *testing.T) {
	t.Parallel()
	const values = `
commonLabels: {app.kubernetes.io/instance: x, app.kubernetes.io/component: x, app.kubernetes.io/managed-by: x, helm.sh/chart: x, release: other}
podLabels: {app.kubernetes.io/instance: z}
serviceMonitor: {enabled: true, labels: {release: prometheus, app.kubernetes.io/name: z}}
prometheusRule: {enabled: true, labels: {release: prometheus, app.kubernetes.io/name: z}}
dashboard: {enabled: true, labels: {release: prometheus, app.kubernetes.io/name: z}}
checkHook: {enabled: true}
replicaCount: 2
`
	r := render(t, minimal, values)
	for _, o := range r.objects {
		labels := o.GetLabels()
		if labels["app.kubernetes.io/instance"] != "release" || labels["app.kubernetes.io/name"] != "pylon-kafka" || labels["app.kubernetes.io/managed-by"] != "Helm" || labels["helm.sh/chart"] == "x" {
			t.Errorf("%s has other labels than the chart's: %v", id(o), labels)
		}
		switch o.(type) {
		case *monitoring.ServiceMonitor, *monitoring.PrometheusRule, *core.ConfigMap:
			if labels["release"] != "prometheus" {
				t.Errorf("%s has the label release of all, not its own: %v", id(o), labels)
			}
		}
	}
	d := one[*apps.Deployment](t, r)
	if !isSubset(d.Spec.Selector.MatchLabels, d.Spec.Template.Labels) {
		t.Errorf("the Deployment selects %v, and its pods have %v", d.Spec.Selector.MatchLabels, d.Spec.Template.Labels)
	}
}

// Only the service's pods are behind its Service and under its budget.
func TestSelectors_leaveOutOtherPods(t *testing.T) {
	t.Parallel()
	r := render(t, minimal, "replicaCount: 2\ncheckHook: {enabled: true}")
	selectors := map[string]map[string]string{
		"Service":             one[*core.Service](t, r).Spec.Selector,
		"PodDisruptionBudget": one[*policy.PodDisruptionBudget](t, r).Spec.Selector.MatchLabels,
	}
	for _, o := range r.objects {
		pod, ok := templateOf(o)
		if !ok {
			continue
		}
		_, service := o.(*apps.Deployment)
		for kind, selector := range selectors {
			if selected := isSubset(selector, pod.labels); selected != service {
				t.Errorf("the %s selects the pod of %s: %v", kind, id(o), selected)
			}
		}
	}
}

func isSubset(of, in map[string]string) bool {
	for key := range maps.Keys(of) {
		if of[key] != in[key] {
			return false
		}
	}
	return true
}

// A secret is in a Secret, or in a variable or a file that refers to one.
func TestSecrets_areOnlyInSecrets(t *testing.T) {
	t.Parallel()
	const values = `
pylon: {existingSecret: "", apiToken: canary-token}
kafka: {sasl: {mechanism: PLAIN, username: u, password: canary-password, oauth: {clientSecret: canary-client}}}
schemaRegistry: {url: "https://registry", username: u, password: canary-registry}
checkHook: {enabled: true}
`
	files, err := tryRender(t, nil, minimal, values)
	if err != nil {
		t.Fatal(err)
	}
	decoder, found := strictDecoder(t), 0
	for name, text := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			if strings.Contains(text, "canary") {
				t.Error("NOTES.txt shows a secret")
			}
			continue
		}
		for _, o := range decodeAll(t, decoder, name, text) {
			if secret, ok := o.(*core.Secret); ok {
				found += len(secret.StringData)
			}
		}
		if isSecret := strings.HasSuffix(name, "/secret.yaml") || strings.HasSuffix(name, "/check.yaml"); !isSecret && strings.Contains(text, "canary") {
			t.Errorf("%s shows a secret:\n%s", name, text)
		}
	}
	// Four in the release's Secret, and the same four in the one of the check before it.
	if found != 8 {
		t.Errorf("want 4 secrets in each of two Secrets, have %d in all", found)
	}
}

// A secret that is a value changes the pod, so that an upgrade starts a new one.
func TestSecrets_giveTheirChecksumToThePod(t *testing.T) {
	t.Parallel()
	sum := func(token string) string {
		r := render(t, minimal, "pylon: {existingSecret: \"\", apiToken: "+token+"}")
		return one[*apps.Deployment](t, r).Spec.Template.Annotations["checksum/secret"]
	}
	if a, b := sum("a"), sum("b"); a == "" || a == b {
		t.Errorf("checksums of two tokens: %q and %q", a, b)
	}
}
