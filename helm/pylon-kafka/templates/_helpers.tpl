{{/* The chart's name. */}}
{{- define "pylon-kafka.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
The name of what is made. A name takes 63 characters (DNS). A release whose name holds the chart's is not doubled.
*/}}
{{- define "pylon-kafka.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* The namespace of what is made. */}}
{{- define "pylon-kafka.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{/* A CronJob's name takes 52 characters: Kubernetes appends eleven for each Job. */}}
{{- define "pylon-kafka.cronJobName" -}}
{{- include "pylon-kafka.fullname" . | trunc 52 | trimSuffix "-" }}
{{- end }}

{{/* The names of the check before an install or upgrade, of the pod of `helm test`, and of the dashboard's ConfigMap. */}}
{{- define "pylon-kafka.checkName" -}}
{{- printf "%s-check" (include "pylon-kafka.fullname" . | trunc 57 | trimSuffix "-") }}
{{- end }}
{{- define "pylon-kafka.testName" -}}
{{- printf "%s-test" (include "pylon-kafka.fullname" . | trunc 58 | trimSuffix "-") }}
{{- end }}
{{- define "pylon-kafka.dashboardName" -}}
{{- printf "%s-dashboard" (include "pylon-kafka.fullname" . | trunc 53 | trimSuffix "-") }}
{{- end }}

{{/* Chart and version, as a label takes them. */}}
{{- define "pylon-kafka.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The labels of everything that is made: those of the chart, and of the values what the chart does not set itself. */}}
{{- define "pylon-kafka.labels" -}}
{{- include "pylon-kafka.labelsWith" (list . dict) }}
{{- end }}

{{/* The same for one object that has labels of its own in the values (list ROOT LABELS). */}}
{{- define "pylon-kafka.labelsWith" -}}
{{- $ := index . 0 }}
{{- $ours := include "pylon-kafka.selectorLabels" $ | fromYaml }}
{{- $_ := set $ours "helm.sh/chart" (include "pylon-kafka.chart" $) }}
{{- $_ := set $ours "app.kubernetes.io/managed-by" $.Release.Service }}
{{- with $.Chart.AppVersion }}
{{- $_ := set $ours "app.kubernetes.io/version" . }}
{{- end }}
{{- merge $ours (index . 1 | default dict) ($.Values.commonLabels | default dict) | toYaml }}
{{- end }}

{{/* What selects all that is ours: never a version, for a Deployment's selector cannot change. */}}
{{- define "pylon-kafka.selectorLabels" -}}
app.kubernetes.io/name: {{ include "pylon-kafka.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* What selects the pods of the service, and none of a check, a test or a pass beside them. */}}
{{- define "pylon-kafka.podSelectorLabels" -}}
{{ include "pylon-kafka.selectorLabels" . }}
app.kubernetes.io/component: service
{{- end }}

{{/* The name of the pod's ServiceAccount. */}}
{{- define "pylon-kafka.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "pylon-kafka.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The image: a digest says more than a tag. */}}
{{- define "pylon-kafka.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The memory limit of Go's garbage collector, in bytes: nine tenths of resources.limits.memory, for the rest of the process
wants some too. Empty without a limit, and for a quantity in a form that nobody writes by hand (1e9, 128974848000m).
The downward API could name the limit too, but only the whole of it.
*/}}
{{- define "pylon-kafka.memoryLimit" -}}
{{- $limit := dig "limits" "memory" "" .Values.resources | include "pylon-kafka.text" }}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)?([kMGT]|[KMGT]i)?$" $limit }}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- $number := regexFind "^[0-9.]+" $limit }}
{{- mulf (float64 $number) (get $units (trimPrefix $number $limit)) 0.9 | int64 }}
{{- end }}
{{- end }}

{{/* The port that a URL leads to, named or the scheme's own. */}}
{{- define "pylon-kafka.urlPort" -}}
{{- $url := urlParse . }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" }}
{{- default (eq $url.scheme "http" | ternary "80" "443") $port }}
{{- end }}

{{/* The secrets that are given as values, as a YAML map of key to secret: empty where there are none. */}}
{{- define "pylon-kafka.secretData" -}}
{{- $given := dict
  "pylon-api-token" .Values.pylon.apiToken
  "kafka-sasl-password" .Values.kafka.sasl.password
  "kafka-sasl-client-secret" .Values.kafka.sasl.oauth.clientSecret
  "schema-registry-password" .Values.schemaRegistry.password }}
{{- $data := dict }}
{{- range $key, $secret := $given }}
  {{- if $secret }}
    {{- $_ := set $data $key $secret }}
  {{- end }}
{{- end }}
{{- if $data }}
  {{- toYaml $data }}
{{- end }}
{{- end }}

{{/* Whether there is a PodDisruptionBudget: as the values say, and with "auto" from two replicas on. */}}
{{- define "pylon-kafka.hasDisruptionBudget" -}}
{{- if not .Values.cronJob.enabled }}
{{- if eq (toString .Values.podDisruptionBudget.enabled) "auto" }}
{{- if gt (int .Values.replicaCount) 1 }}true{{ end }}
{{- else if .Values.podDisruptionBudget.enabled }}true{{ end }}
{{- end }}
{{- end }}

{{/* How the Prometheus operator reads the metrics, from the values of a ServiceMonitor or PodMonitor. */}}
{{- define "pylon-kafka.scrape" -}}
- port: http
  path: /metrics
  {{- range $field := list "interval" "scrapeTimeout" }}
  {{- with get $ $field }}
  {{ $field }}: {{ . }}
  {{- end }}
  {{- end }}
  {{- range $field := list "relabelings" "metricRelabelings" }}
  {{- with get $ $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end }}
