{{/*
The spec of a pod that runs the program, for the Deployment, the CronJob, the check before an install and `helm test`
(dict root, args, probes: whether it serves HTTP, serviceAccount, secret: the name of the Secret that the chart makes of
secrets given as values, spread: whether it is one of the replicas, restartPolicy).
*/}}
{{- define "pylon-kafka.podSpec" -}}
{{- $ := .root }}
{{- $values := $.Values }}
{{- $secrets := include "pylon-kafka.mountedSecrets" (list $ .secret) | fromYamlArray -}}
serviceAccountName: {{ .serviceAccount }}
automountServiceAccountToken: false
# Otherwise a Service called "kafka" would put KAFKA_PORT=tcp://… among our settings.
enableServiceLinks: false
{{- with .restartPolicy }}
restartPolicy: {{ . }}
{{- end }}
terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
{{- with $values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- range $field := list "imagePullSecrets" "dnsConfig" "hostAliases" "nodeSelector" "affinity" "tolerations" }}
{{- with get $values $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- range $field := list "priorityClassName" "runtimeClassName" "schedulerName" "dnsPolicy" }}
{{- with get $values $field }}
{{ $field }}: {{ . }}
{{- end }}
{{- end }}
{{- if .spread }}
{{- with include "pylon-kafka.topologySpread" $ }}
topologySpreadConstraints:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}
{{- with $values.initContainers }}
initContainers:
  {{- tpl (toYaml .) $ | nindent 2 }}
{{- end }}
containers:
  - name: pylon-kafka
    image: {{ include "pylon-kafka.image" $ | quote }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    args: {{ .args | toJson }}
    {{- $extraEnv := tpl (toYaml $values.extraEnv) $ | fromYamlArray }}
    {{- $taken := list }}
    {{- range $extraEnv }}
      {{- $taken = append $taken .name }}
    {{- end }}
    {{- $env := list }}
    {{- range include "pylon-kafka.env" (list $ .probes) | fromYamlArray }}
      {{- if not (has .name $taken) }}
        {{- $env = append $env . }}
      {{- end }}
    {{- end }}
    env:
      {{- toYaml (concat $env $extraEnv) | nindent 6 }}
    {{- with $values.extraEnvFrom }}
    envFrom:
      {{- tpl (toYaml .) $ | nindent 6 }}
    {{- end }}
    {{- if .probes }}
    ports:
      - name: http
        containerPort: {{ $values.http.port }}
        protocol: TCP
    startupProbe:
      httpGet:
        path: /healthz
        port: http
      {{- toYaml $values.startupProbe | nindent 6 }}
    livenessProbe:
      httpGet:
        path: /healthz
        port: http
      {{- toYaml $values.livenessProbe | nindent 6 }}
    readinessProbe:
      httpGet:
        path: /readyz
        port: http
      {{- toYaml $values.readinessProbe | nindent 6 }}
    {{- end }}
    # The end of the log becomes the reason in `kubectl describe pod`: a refused token, a setting that is missing.
    terminationMessagePolicy: FallbackToLogsOnError
    {{- with $values.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $values.securityContext }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- if or $secrets $values.extraVolumeMounts }}
    volumeMounts:
      {{- range $secrets }}
      # A folder and not a file (subPath): so a changed Secret arrives without a restart.
      - name: {{ .volume }}
        mountPath: /etc/pylon-kafka/{{ .volume }}
        readOnly: true
      {{- end }}
      {{- with $values.extraVolumeMounts }}
      {{- tpl (toYaml .) $ | nindent 6 }}
      {{- end }}
    {{- end }}
  {{- /* Beside a service only: a Job does not end while another container of its pod runs. */}}
  {{- if .probes }}
  {{- with $values.extraContainers }}
  {{- tpl (toYaml .) $ | nindent 2 }}
  {{- end }}
  {{- end }}
{{- if or $secrets $values.extraVolumes }}
volumes:
  {{- range $secrets }}
  - name: {{ .volume }}
    secret:
      secretName: {{ .secret | quote }}
      items:
        {{- range .keys }}
        - key: {{ . | quote }}
          path: {{ . | quote }}
        {{- end }}
  {{- end }}
  {{- with $values.extraVolumes }}
  {{- tpl (toYaml .) $ | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/*
The Secrets that a pod mounts, each with the keys that are used and no other, as a YAML list of {volume, secret, keys}
(list ROOT SECRET): SECRET is the name of the one that the chart makes of secrets given as values.
*/}}
{{- define "pylon-kafka.mountedSecrets" -}}
{{- $values := (index . 0).Values }}
{{- $made := index . 1 }}
{{- $sources := list
  (list "pylon-api-token" $values.pylon "apiToken")
  (list "kafka-sasl-password" $values.kafka.sasl "password")
  (list "kafka-sasl-client-secret" $values.kafka.sasl.oauth "clientSecret")
  (list "schema-registry-password" $values.schemaRegistry "password") }}
{{- $secrets := list }}
{{- range $sources }}
  {{- $source := index . 1 }}
  {{- if $source.existingSecret }}
    {{- $secrets = append $secrets (dict "volume" (index . 0) "secret" $source.existingSecret "keys" (list $source.existingSecretKey)) }}
  {{- else if get $source (index . 2) }}
    {{- $secrets = append $secrets (dict "volume" (index . 0) "secret" $made "keys" (list (index . 0))) }}
  {{- end }}
{{- end }}
{{- $tls := dict }}
{{- if $values.kafka.tls.enabled }}
  {{- $_ := set $tls "kafka-tls" $values.kafka.tls }}
{{- end }}
{{- if $values.schemaRegistry.url }}
  {{- $_ := set $tls "schema-registry-tls" $values.schemaRegistry.tls }}
{{- end }}
{{- range $volume, $source := $tls }}
  {{- if $source.existingSecret }}
    {{- $secrets = append $secrets (dict "volume" $volume "secret" $source.existingSecret "keys" (compact (list $source.caKey $source.certKey $source.keyKey))) }}
  {{- end }}
{{- end }}
{{- toYaml $secrets }}
{{- end }}

{{/* How the replicas are spread: as the values say, else over nodes and zones as far as that is possible. */}}
{{- define "pylon-kafka.topologySpread" -}}
{{- if .Values.topologySpreadConstraints }}
{{- tpl (toYaml .Values.topologySpreadConstraints) . }}
{{- else if gt (int .Values.replicaCount) 1 }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "pylon-kafka.podSelectorLabels" $ | nindent 6 }}
  # Those of one version: otherwise an upgrade would count the pods that are about to go.
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end }}

{{/* The labels of a pod (list ROOT COMPONENT): the chart's, its component, and those of the values. */}}
{{- define "pylon-kafka.podLabels" -}}
{{- $ := index . 0 }}
{{- $ours := merge (dict "app.kubernetes.io/component" (index . 1)) (include "pylon-kafka.labels" $ | fromYaml) }}
{{- merge $ours (tpl (toYaml $.Values.podLabels) $ | fromYaml) | toYaml }}
{{- end }}
