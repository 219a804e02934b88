{{/*
What the schema cannot say: what is missing, and what does not go together. All problems are told at once.
*/}}
{{- define "pylon-kafka.validate" -}}
{{- $problems := list }}
{{- with .Values.pylon }}
  {{- if not .startDate }}
    {{- $problems = append $problems "pylon.startDate is not set: issues last updated before it are not read, e.g. \"2024-01-31T00:00:00Z\"" }}
  {{- end }}
  {{- $tokens := compact (list .existingSecret .apiToken .apiTokenFile) | len }}
  {{- if eq $tokens 0 }}
    {{- $problems = append $problems "there is no API token: name the Secret that holds it in pylon.existingSecret (or, for a trial, give the token itself in pylon.apiToken)" }}
  {{- else if gt $tokens 1 }}
    {{- $problems = append $problems "the API token is given more than once: set one of pylon.existingSecret, pylon.apiToken and pylon.apiTokenFile" }}
  {{- else if and .apiToken (not (trim .apiToken)) }}
    {{- $problems = append $problems "pylon.apiToken holds nothing but blanks: give the token, or name the Secret that holds it in pylon.existingSecret" }}
  {{- end }}
{{- end }}
{{- with .Values.kafka }}
  {{- if not .brokers }}
    {{- $problems = append $problems "kafka.brokers is not set: list one or more brokers, e.g. [\"kafka-0.kafka:9092\", \"kafka-1.kafka:9092\"]" }}
  {{- end }}
  {{- if and .tls.existingSecret (not .tls.enabled) }}
    {{- $problems = append $problems "kafka.tls.existingSecret is set and kafka.tls.enabled is not: set both or none" }}
  {{- end }}
  {{- $problems = concat $problems (include "pylon-kafka.tlsProblems" (list "kafka.tls" .tls) | fromJsonArray) }}
  {{- with .sasl }}
    {{- $passwords := compact (list .existingSecret .password .passwordFile) | len }}
    {{- $user := or .username .existingSecretUsernameKey }}
    {{- if and .existingSecretUsernameKey (not .existingSecret) }}
      {{- $problems = append $problems "kafka.sasl.existingSecretUsernameKey is set without kafka.sasl.existingSecret: name the Secret" }}
    {{- end }}
    {{- if gt $passwords 1 }}
      {{- $problems = append $problems "the password for Kafka is given more than once: set one of kafka.sasl.existingSecret, kafka.sasl.password and kafka.sasl.passwordFile" }}
    {{- end }}
    {{- $clientSecrets := compact (list .oauth.existingSecret .oauth.clientSecret .oauth.clientSecretFile) | len }}
    {{- if gt $clientSecrets 1 }}
      {{- $problems = append $problems "the client's secret for Kafka is given more than once: set one of kafka.sasl.oauth.existingSecret, kafka.sasl.oauth.clientSecret and kafka.sasl.oauth.clientSecretFile" }}
    {{- end }}
    {{- if or (eq .mechanism "PLAIN") (hasPrefix "SCRAM-" .mechanism) }}
      {{- if not $user }}
        {{- $problems = append $problems (printf "kafka.sasl.username is not set: %s needs it (or kafka.sasl.existingSecretUsernameKey)" .mechanism) }}
      {{- end }}
      {{- if not $passwords }}
        {{- $problems = append $problems (printf "kafka.sasl.existingSecret is not set: %s needs the Secret that holds the password" .mechanism) }}
      {{- end }}
    {{- else if eq .mechanism "OAUTHBEARER" }}
      {{- range $name := list "tokenUrl" "clientId" }}
        {{- if not (get $.Values.kafka.sasl.oauth $name) }}
          {{- $problems = append $problems (printf "kafka.sasl.oauth.%s is not set: OAUTHBEARER needs it" $name) }}
        {{- end }}
      {{- end }}
      {{- if not $clientSecrets }}
        {{- $problems = append $problems "kafka.sasl.oauth.existingSecret is not set: OAUTHBEARER needs the Secret that holds the client's secret" }}
      {{- end }}
    {{- else if not .mechanism }}
      {{- if or $user $passwords .oauth.tokenUrl .oauth.clientId $clientSecrets }}
        {{- $problems = append $problems "other values of kafka.sasl are set and kafka.sasl.mechanism is not: choose one, or leave them out" }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}
{{- with .Values.schemaRegistry }}
  {{- $passwords := compact (list .existingSecret .password .passwordFile) | len }}
  {{- $user := or .username .existingSecretUsernameKey }}
  {{- if and (not .url) (or $user $passwords .tls.existingSecret) }}
    {{- $problems = append $problems "other values of schemaRegistry are set and schemaRegistry.url is not: set it, or leave them out" }}
  {{- end }}
  {{- if gt $passwords 1 }}
    {{- $problems = append $problems "the registry's password is given more than once: set one of schemaRegistry.existingSecret, schemaRegistry.password and schemaRegistry.passwordFile" }}
  {{- end }}
  {{- if and .existingSecretUsernameKey (not .existingSecret) }}
    {{- $problems = append $problems "schemaRegistry.existingSecretUsernameKey is set without schemaRegistry.existingSecret: name the Secret" }}
  {{- end }}
  {{- if and $user (not $passwords) }}
    {{- $problems = append $problems "schemaRegistry has a user and no password: set schemaRegistry.existingSecret" }}
  {{- else if and $passwords (not $user) }}
    {{- $problems = append $problems "schemaRegistry has a password and no user: set schemaRegistry.username" }}
  {{- end }}
  {{- $problems = concat $problems (include "pylon-kafka.tlsProblems" (list "schemaRegistry.tls" .tls) | fromJsonArray) }}
{{- end }}
{{- $problems = concat $problems (include "pylon-kafka.workloadProblems" . | fromJsonArray) }}
{{- $problems = concat $problems (include "pylon-kafka.secretProblems" . | fromJsonArray) }}
{{- if $problems }}
  {{- fail (printf "these values cannot work:\n  - %s\n\nEach is explained in the chart's values.yaml (helm show values)." (join "\n  - " $problems)) }}
{{- end }}
{{- end }}

{{/* What does not go together in one block of TLS values (list NAME VALUES), as a JSON array. */}}
{{- define "pylon-kafka.tlsProblems" -}}
{{- $name := index . 0 }}
{{- $tls := index . 1 }}
{{- $problems := list }}
{{- if ne (empty $tls.certKey) (empty $tls.keyKey) }}
  {{- $problems = append $problems (printf "%s.certKey and %s.keyKey go together: set both or none" $name $name) }}
{{- end }}
{{- if and (or $tls.certKey $tls.keyKey) (not $tls.existingSecret) }}
  {{- $problems = append $problems (printf "%s.existingSecret is not set: certKey and keyKey are keys of it" $name) }}
{{- end }}
{{- if and $tls.existingSecret (not (or $tls.caKey $tls.certKey $tls.keyKey)) }}
  {{- $problems = append $problems (printf "%s.existingSecret is set, but none of caKey, certKey and keyKey: nothing of it would be used" $name) }}
{{- end }}
{{- $problems | toJson }}
{{- end }}

{{/* What does not go together in how the program is run and watched, as a JSON array. */}}
{{- define "pylon-kafka.workloadProblems" -}}
{{- $problems := list }}
{{- if .Values.cronJob.enabled }}
  {{- if ne (int .Values.replicaCount) 1 }}
    {{- $problems = append $problems (printf "replicaCount is %v and cronJob.enabled is set: a CronJob runs one pass at a time, so leave replicaCount at 1" .Values.replicaCount) }}
  {{- end }}
  {{- range $name := list "serviceMonitor" "podMonitor" "prometheusRule" }}
    {{- if (get $.Values $name).enabled }}
      {{- $problems = append $problems (printf "%s.enabled needs the service: a pass of cronJob.enabled ends before Prometheus has asked twice" $name) }}
    {{- end }}
  {{- end }}
{{- else }}
  {{- if and .Values.serviceMonitor.enabled (not .Values.service.enabled) }}
    {{- $problems = append $problems "serviceMonitor.enabled needs service.enabled: it finds the pods by the Service (podMonitor.enabled needs none)" }}
  {{- end }}
  {{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
    {{- $problems = append $problems "serviceMonitor.enabled and podMonitor.enabled are both set: every metric would be there twice, so choose one" }}
  {{- end }}
{{- end }}
{{- if and (include "pylon-kafka.hasDisruptionBudget" .) (le (int .Values.replicaCount) 1) }}
  {{- $problems = append $problems (printf "podDisruptionBudget.enabled is set and replicaCount is %v: the budget would hold up every drain of a node, so set replicaCount to 2 or leave podDisruptionBudget.enabled at auto" .Values.replicaCount) }}
{{- end }}
{{- $problems | toJson }}
{{- end }}

{{/*
What is wrong with the Secrets that the values name, as a JSON array: one that is not there, lacks its key, or holds nothing
under it. Only where Helm talks to a cluster (install and upgrade, not template), which shows in a namespace that has its
default ServiceAccount, or else in the namespace kube-system. That one is looked for last: who has rights in a namespace of his own
alone may not see it, and what is forbidden fails; but without the namespace of the release there is nothing to install for him.
*/}}
{{- define "pylon-kafka.secretProblems" -}}
{{- $problems := list }}
{{- $namespace := include "pylon-kafka.namespace" . }}
{{- if .Values.verifySecrets }}
  {{- $uses := list (list "pylon" "existingSecretKey" .Values.pylon) }}
  {{- with .Values.kafka }}
    {{- range $key := list "existingSecretKey" "existingSecretUsernameKey" }}
      {{- $uses = append $uses (list "kafka.sasl" $key $.Values.kafka.sasl) }}
    {{- end }}
    {{- $uses = append $uses (list "kafka.sasl.oauth" "existingSecretKey" .sasl.oauth) }}
    {{- range $key := list "caKey" "certKey" "keyKey" }}
      {{- $uses = append $uses (list "kafka.tls" $key $.Values.kafka.tls) }}
    {{- end }}
  {{- end }}
  {{- range $key := list "existingSecretKey" "existingSecretUsernameKey" }}
    {{- $uses = append $uses (list "schemaRegistry" $key $.Values.schemaRegistry) }}
  {{- end }}
  {{- range $key := list "caKey" "certKey" "keyKey" }}
    {{- $uses = append $uses (list "schemaRegistry.tls" $key $.Values.schemaRegistry.tls) }}
  {{- end }}
  {{- $named := list }}
  {{- range $use := $uses }}
    {{- if and (index $use 2).existingSecret (get (index $use 2) (index $use 1)) }}
      {{- $named = append $named $use }}
    {{- end }}
  {{- end }}
  {{- if not $named }}
  {{- else if lookup "v1" "ServiceAccount" $namespace "default" }}
    {{- $problems = include "pylon-kafka.secretProblemsIn" (list $namespace $named) | fromJsonArray }}
  {{- else if not (lookup "v1" "Namespace" "" "kube-system") }}
  {{- else if lookup "v1" "Namespace" "" $namespace }}
    {{- $problems = include "pylon-kafka.secretProblemsIn" (list $namespace $named) | fromJsonArray }}
  {{- else }}
    {{- range $use := $named }}
      {{- $problems = append $problems (printf "%s.existingSecret: there is no namespace %q, and so no Secret %q in it: make the namespace and the Secret first (or set verifySecrets to false, where another program makes the Secret later)" (index $use 0) $namespace (index $use 2).existingSecret) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- uniq $problems | toJson }}
{{- end }}

{{/*
What is wrong with the Secrets of a namespace that is there (list NAMESPACE USES), as a JSON array. A use is
(list VALUE KEY VALUES): the key of the Secret VALUES.existingSecret that VALUES.KEY names.
*/}}
{{- define "pylon-kafka.secretProblemsIn" -}}
{{- $problems := list }}
{{- $namespace := index . 0 }}
{{- range $use := index . 1 }}
  {{- $value := index $use 0 }}
  {{- $name := (index $use 2).existingSecret }}
  {{- $key := get (index $use 2) (index $use 1) }}
  {{- $secret := lookup "v1" "Secret" $namespace $name }}
  {{- if not $secret }}
    {{- $problems = append $problems (printf "%s.existingSecret: there is no Secret %q in the namespace %q: make it first (or set verifySecrets to false, where another program makes it later)" $value $name $namespace) }}
  {{- else if not (hasKey (default dict $secret.data) $key) }}
    {{- $problems = append $problems (printf "%s.%s: the Secret %q has no key %q; it has: %s" $value (index $use 1) $name $key (keys (default dict $secret.data) | sortAlpha | join ", ")) }}
  {{- else if not (get $secret.data $key | b64dec | trim) }}
    {{- $problems = append $problems (printf "%s.%s: the key %q of the Secret %q is empty" $value (index $use 1) $key $name) }}
  {{- end }}
{{- end }}
{{- $problems | toJson }}
{{- end }}
