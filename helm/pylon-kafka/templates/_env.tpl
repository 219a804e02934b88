{{/*
The environment of the container: one line for each setting of the program. What is not set is left out and never made
empty, so that the program's own defaults hold. Secrets are files, which a changed Secret changes without a restart
(list ROOT SERVE): SERVE says whether the pod serves HTTP.
*/}}
{{- define "pylon-kafka.env" -}}
{{- $ := index . 0 }}
{{- $serve := index . 1 }}
{{- with $.Values }}
{{- with .pylon }}
{{- include "pylon-kafka.secretFileVar" (list "PYLON_API_TOKEN_FILE" . "apiToken" .apiTokenFile "pylon-api-token") }}
{{- include "pylon-kafka.var" (list "PYLON_START_DATE" .startDate) }}
{{- include "pylon-kafka.var" (list "PYLON_API_URL" .apiUrl) }}
{{- include "pylon-kafka.var" (list "PYLON_STREAMS" .streams) }}
{{- include "pylon-kafka.var" (list "PYLON_POLL_INTERVAL" .pollInterval) }}
{{- include "pylon-kafka.var" (list "PYLON_REFRESH_INTERVAL" .refreshInterval) }}
{{- include "pylon-kafka.var" (list "PYLON_INTERVALS" .intervals) }}
{{- include "pylon-kafka.var" (list "PYLON_RECONCILE_INTERVAL" .reconcileInterval) }}
{{- include "pylon-kafka.var" (list "PYLON_SWEEP_INTERVAL" .sweepInterval) }}
{{- include "pylon-kafka.var" (list "PYLON_LOOKBACK" .lookback) }}
{{- include "pylon-kafka.var" (list "PYLON_WINDOW" .window) }}
{{- include "pylon-kafka.var" (list "PYLON_RATE_LIMITS" .rateLimits) }}
{{- end }}
{{- include "pylon-kafka.var" (list "PUBLISH" .publish) }}
{{- include "pylon-kafka.var" (list "TOMBSTONES" .tombstones) }}
{{- include "pylon-kafka.var" (list "TOMBSTONES_MAX_SHARE" .tombstonesMaxShare) }}
{{- include "pylon-kafka.var" (list "CONNECTOR_NAME" .connectorName) }}
{{- include "pylon-kafka.var" (list "MAX_DEAD_LETTERS" .maxDeadLetters) }}
{{- include "pylon-kafka.var" (list "VALUE_LAYOUT" .valueLayout) }}
{{- include "pylon-kafka.var" (list "FLAT_ARRAYS" .flatArrays) }}
{{- with .kafka }}
{{- include "pylon-kafka.var" (list "KAFKA_BROKERS" .brokers) }}
{{- include "pylon-kafka.var" (list "KAFKA_CLIENT_ID" .clientId) }}
{{- include "pylon-kafka.var" (list "KAFKA_RACK_ID" .rackId) }}
{{- include "pylon-kafka.var" (list "KAFKA_TOPIC_PREFIX" .topicPrefix) }}
{{- include "pylon-kafka.var" (list "KAFKA_OFFSETS_TOPIC" .offsetsTopic) }}
{{- include "pylon-kafka.var" (list "KAFKA_TRANSACTIONAL_ID_PREFIX" .transactionalIdPrefix) }}
{{- include "pylon-kafka.var" (list "KAFKA_GROUP_ID" .groupId) }}
{{- include "pylon-kafka.var" (list "KAFKA_OFFSETS_PARTITIONS" .offsetsPartitions) }}
{{- include "pylon-kafka.var" (list "KAFKA_SESSION_TIMEOUT" .sessionTimeout) }}
{{- include "pylon-kafka.var" (list "KAFKA_CREATE_TOPICS" .createTopics) }}
{{- include "pylon-kafka.var" (list "KAFKA_TOPIC_PARTITIONS" .topicPartitions) }}
{{- include "pylon-kafka.var" (list "KAFKA_TOPIC_REPLICATION_FACTOR" .topicReplicationFactor) }}
{{- include "pylon-kafka.var" (list "KAFKA_COMPRESSION" .compression) }}
{{- include "pylon-kafka.var" (list "KAFKA_KEY_FORMAT" .keyFormat) }}
{{- with .tls }}
{{- if .enabled }}
{{- include "pylon-kafka.var" (list "KAFKA_TLS_ENABLED" .enabled) }}
{{- include "pylon-kafka.fileVar" (list "KAFKA_TLS_CA_FILE" . .caKey "kafka-tls") }}
{{- include "pylon-kafka.fileVar" (list "KAFKA_TLS_CERT_FILE" . .certKey "kafka-tls") }}
{{- include "pylon-kafka.fileVar" (list "KAFKA_TLS_KEY_FILE" . .keyKey "kafka-tls") }}
{{- include "pylon-kafka.var" (list "KAFKA_TLS_SERVER_NAME" .serverName) }}
{{- include "pylon-kafka.switchVar" (list "KAFKA_TLS_INSECURE_SKIP_VERIFY" .insecureSkipVerify) }}
{{- end }}
{{- end }}
{{- with .sasl }}
{{- include "pylon-kafka.var" (list "KAFKA_SASL_MECHANISM" .mechanism) }}
{{- include "pylon-kafka.userVar" (list "KAFKA_SASL_USERNAME" .) }}
{{- include "pylon-kafka.secretFileVar" (list "KAFKA_SASL_PASSWORD_FILE" . "password" .passwordFile "kafka-sasl-password") }}
{{- with .oauth }}
{{- include "pylon-kafka.var" (list "KAFKA_SASL_TOKEN_URL" .tokenUrl) }}
{{- include "pylon-kafka.var" (list "KAFKA_SASL_CLIENT_ID" .clientId) }}
{{- include "pylon-kafka.secretFileVar" (list "KAFKA_SASL_CLIENT_SECRET_FILE" . "clientSecret" .clientSecretFile "kafka-sasl-client-secret") }}
{{- include "pylon-kafka.var" (list "KAFKA_SASL_SCOPES" .scopes) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .schemaRegistry }}
{{- if .url }}
{{- include "pylon-kafka.var" (list "SCHEMA_REGISTRY_URL" .url) }}
{{- include "pylon-kafka.userVar" (list "SCHEMA_REGISTRY_USERNAME" .) }}
{{- include "pylon-kafka.secretFileVar" (list "SCHEMA_REGISTRY_PASSWORD_FILE" . "password" .passwordFile "schema-registry-password") }}
{{- include "pylon-kafka.var" (list "SCHEMA_REGISTRY_SUBJECT_STRATEGY" .subjectStrategy) }}
{{- include "pylon-kafka.var" (list "SCHEMA_REGISTRY_AUTO_REGISTER" .autoRegister) }}
{{- with .tls }}
{{- include "pylon-kafka.fileVar" (list "SCHEMA_REGISTRY_TLS_CA_FILE" . .caKey "schema-registry-tls") }}
{{- include "pylon-kafka.fileVar" (list "SCHEMA_REGISTRY_TLS_CERT_FILE" . .certKey "schema-registry-tls") }}
{{- include "pylon-kafka.fileVar" (list "SCHEMA_REGISTRY_TLS_KEY_FILE" . .keyKey "schema-registry-tls") }}
{{- include "pylon-kafka.var" (list "SCHEMA_REGISTRY_TLS_SERVER_NAME" .serverName) }}
{{- include "pylon-kafka.switchVar" (list "SCHEMA_REGISTRY_TLS_INSECURE_SKIP_VERIFY" .insecureSkipVerify) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $serve }}
{{- include "pylon-kafka.var" (list "HTTP_ADDR" (printf ":%v" .http.port)) }}
{{- end }}
{{- include "pylon-kafka.var" (list "LOG_LEVEL" .log.level) }}
{{- include "pylon-kafka.var" (list "LOG_FORMAT" .log.format) }}
{{- include "pylon-kafka.var" (list "GOMEMLIMIT" (include "pylon-kafka.memoryLimit" $)) }}
{{- end }}
{{- end }}

{{/* A variable with a value (list NAME VALUE): a list becomes a,b and a map a:1,b:2. */}}
{{- define "pylon-kafka.var" -}}
{{- $value := index . 1 }}
{{- if kindIs "slice" $value }}
  {{- $value = join "," $value }}
{{- else if kindIs "map" $value }}
  {{- $pairs := list }}
  {{- range $key, $item := $value }}
    {{- $pairs = append $pairs (printf "%s:%s" $key (include "pylon-kafka.text" $item)) }}
  {{- end }}
  {{- $value = join "," $pairs }}
{{- end }}
{{- with include "pylon-kafka.text" $value }}
- name: {{ index $ 0 }}
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{/* A value as text. Helm reads whole numbers as floating point and would write 1e+07; a null is nothing. */}}
{{- define "pylon-kafka.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else if not (kindIs "invalid" .) }}{{ toString . }}{{ end }}
{{- end }}

{{/* A variable that is there only when it is true (list NAME VALUE). */}}
{{- define "pylon-kafka.switchVar" -}}
{{- if index . 1 }}
{{- include "pylon-kafka.var" . }}
{{- end }}
{{- end }}

{{/*
The variable of a file that holds a secret: mounted from the Secret that the values name, from the chart's own for a secret
given as a value, or where the values say that somebody else puts it (list NAME VALUES MEMBER FILE VOLUME).
*/}}
{{- define "pylon-kafka.secretFileVar" -}}
{{- $values := index . 1 }}
{{- $volume := index . 4 }}
{{- $file := index . 3 }}
{{- if $values.existingSecret }}
  {{- $file = printf "/etc/pylon-kafka/%s/%s" $volume $values.existingSecretKey }}
{{- else if get $values (index . 2) }}
  {{- $file = printf "/etc/pylon-kafka/%s/%s" $volume $volume }}
{{- end }}
{{- include "pylon-kafka.var" (list (index . 0) $file) }}
{{- end }}

{{/* The variable of a user (list NAME VALUES): from the Secret if a key is named, else as it is. */}}
{{- define "pylon-kafka.userVar" -}}
{{- $values := index . 1 }}
{{- if $values.existingSecretUsernameKey }}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ $values.existingSecret | quote }}
      key: {{ $values.existingSecretUsernameKey | quote }}
{{- else }}
{{- include "pylon-kafka.var" (list (index . 0) $values.username) }}
{{- end }}
{{- end }}

{{/* The variable of a file that is mounted from a Secret (list NAME VALUES KEY VOLUME). */}}
{{- define "pylon-kafka.fileVar" -}}
{{- $values := index . 1 }}
{{- $key := index . 2 }}
{{- if and $values.existingSecret $key }}
{{- include "pylon-kafka.var" (list (index . 0) (printf "/etc/pylon-kafka/%s/%s" (index . 3) $key)) }}
{{- end }}
{{- end }}
