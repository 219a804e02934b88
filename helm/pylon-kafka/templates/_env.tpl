{{/*
The environment of the container: one line for each setting of the program. What is not set is left out and never made
empty, so that the program's own defaults hold.
*/}}
{{- define "pylon-kafka.env" -}}
{{- with .Values.pylon }}
{{- include "pylon-kafka.secretVar" (list $ "PYLON_API_TOKEN" . "apiToken" "pylon-api-token") }}
{{- include "pylon-kafka.var" (list "PYLON_API_TOKEN_FILE" .apiTokenFile) }}
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
{{- include "pylon-kafka.var" (list "PUBLISH" .Values.publish) }}
{{- include "pylon-kafka.var" (list "TOMBSTONES" .Values.tombstones) }}
{{- include "pylon-kafka.var" (list "CONNECTOR_NAME" .Values.connectorName) }}
{{- include "pylon-kafka.var" (list "MAX_DEAD_LETTERS" .Values.maxDeadLetters) }}
{{- with .Values.kafka }}
{{- include "pylon-kafka.var" (list "KAFKA_BROKERS" .brokers) }}
{{- include "pylon-kafka.var" (list "KAFKA_CLIENT_ID" .clientId) }}
{{- include "pylon-kafka.var" (list "KAFKA_RACK_ID" .rackId) }}
{{- include "pylon-kafka.var" (list "KAFKA_TOPIC_PREFIX" .topicPrefix) }}
{{- include "pylon-kafka.var" (list "KAFKA_OFFSETS_TOPIC" .offsetsTopic) }}
{{- include "pylon-kafka.var" (list "KAFKA_TRANSACTIONAL_ID_PREFIX" .transactionalIdPrefix) }}
{{- include "pylon-kafka.var" (list "KAFKA_CREATE_TOPICS" .createTopics) }}
{{- include "pylon-kafka.var" (list "KAFKA_TOPIC_PARTITIONS" .topicPartitions) }}
{{- include "pylon-kafka.var" (list "KAFKA_TOPIC_REPLICATION_FACTOR" .topicReplicationFactor) }}
{{- include "pylon-kafka.var" (list "KAFKA_COMPRESSION" .compression) }}
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
{{- include "pylon-kafka.secretVar" (list $ "KAFKA_SASL_PASSWORD" . "password" "kafka-sasl-password") }}
{{- include "pylon-kafka.var" (list "KAFKA_SASL_PASSWORD_FILE" .passwordFile) }}
{{- with .oauth }}
{{- include "pylon-kafka.var" (list "KAFKA_SASL_TOKEN_URL" .tokenUrl) }}
{{- include "pylon-kafka.var" (list "KAFKA_SASL_CLIENT_ID" .clientId) }}
{{- include "pylon-kafka.secretVar" (list $ "KAFKA_SASL_CLIENT_SECRET" . "clientSecret" "kafka-sasl-client-secret") }}
{{- include "pylon-kafka.var" (list "KAFKA_SASL_SCOPES" .scopes) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.schemaRegistry }}
{{- if .url }}
{{- include "pylon-kafka.var" (list "SCHEMA_REGISTRY_URL" .url) }}
{{- include "pylon-kafka.userVar" (list "SCHEMA_REGISTRY_USERNAME" .) }}
{{- include "pylon-kafka.secretVar" (list $ "SCHEMA_REGISTRY_PASSWORD" . "password" "schema-registry-password") }}
{{- include "pylon-kafka.var" (list "SCHEMA_REGISTRY_PASSWORD_FILE" .passwordFile) }}
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
{{- include "pylon-kafka.var" (list "HTTP_ADDR" (printf ":%v" .Values.http.port)) }}
{{- include "pylon-kafka.var" (list "LOG_LEVEL" .Values.log.level) }}
{{- include "pylon-kafka.var" (list "LOG_FORMAT" .Values.log.format) }}
{{- include "pylon-kafka.var" (list "GOMEMLIMIT" (include "pylon-kafka.memoryLimit" .)) }}
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
{{- if kindIs "float64" . }}{{ int64 . }}{{ else if not (kindIs "invalid" .) }}{{ toString . }}{{ end }}
{{- end }}

{{/* A variable that is there only when it is true (list NAME VALUE). */}}
{{- define "pylon-kafka.switchVar" -}}
{{- if index . 1 }}
{{- include "pylon-kafka.var" . }}
{{- end }}
{{- end }}

{{/*
A variable whose value is in a Secret: the one that the values name, or the chart's own for a value given as it is
(list ROOT NAME VALUES MEMBER KEY).
*/}}
{{- define "pylon-kafka.secretVar" -}}
{{- $values := index . 2 }}
{{- if $values.existingSecret }}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ $values.existingSecret | quote }}
      key: {{ $values.existingSecretKey | quote }}
{{- else if get $values (index . 3) }}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ include "pylon-kafka.fullname" (index . 0) | quote }}
      key: {{ index . 4 | quote }}
{{- end }}
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

{{/* The volume of a Secret with TLS files, with the keys that are used and no other (list VALUES VOLUME). */}}
{{- define "pylon-kafka.tlsVolume" -}}
{{- $values := index . 0 }}
- name: {{ index . 1 }}
  secret:
    secretName: {{ $values.existingSecret | quote }}
    items:
      {{- range compact (list $values.caKey $values.certKey $values.keyKey) }}
      - key: {{ . | quote }}
        path: {{ . | quote }}
      {{- end }}
{{- end }}
