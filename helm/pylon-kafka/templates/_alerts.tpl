{{/*
The alerts, as a YAML list of {alert, severity, for, expr, summary, description, runbook}. A stream lives on one replica at a
time, and each replica has every series: so a replica's word counts where it owns the stream, and the newest word of all
where time is told.
*/}}
{{- define "pylon-kafka.alerts" -}}
{{- $ours := include "pylon-kafka.series" . }}
{{- $by := "by (namespace, job, stream)" }}
{{- $limits := .Values.prometheusRule.thresholds }}
{{- /* Nothing is missed of a service that was paused. */}}
{{- if .Values.replicaCount }}
- alert: PylonKafkaAbsent
  severity: critical
  for: 5m
  expr: absent(pylon_kafka_build_info{ {{- $ours -}} })
  summary: No metrics of pylon-kafka arrive.
  description: For five minutes nothing has been read of pylon-kafka's metrics, so none of its other alerts can fire.
  runbook: See whether its pods run (kubectl get pods, describe pod for the reason of the last end) and whether Prometheus finds them.
{{- end }}

- alert: PylonKafkaTokenRefused
  severity: critical
  for: 0m
  # A counter that is born at 1 has no increase; and a process that ends with code 3 is known to kube-state-metrics alone.
  expr: |-
    sum by (namespace, job) (increase(pylon_kafka_api_requests_total{ {{- $ours }},code="401"}[15m])) > 0
    or sum by (namespace, job) (pylon_kafka_api_requests_total{ {{- $ours }},code="401"} unless pylon_kafka_api_requests_total{ {{- $ours }},code="401"} offset 15m) > 0
    or max by (namespace, pod) (kube_pod_container_status_last_terminated_exitcode{namespace="{{ include "pylon-kafka.namespace" . }}",container="pylon-kafka"} == 3 and on (namespace, pod, container) kube_pod_container_status_waiting{container="pylon-kafka"} == 1)
  summary: Pylon refuses the API token.
  description: Pylon answered 401. Nothing is read until there is a token that it takes.
  runbook: Make a new token at app.usepylon.com/settings/api-tokens and put it into the Secret; for an account in the EU set pylon.apiUrl.

- alert: PylonKafkaStreamDown
  severity: warning
  for: 10m
  expr: max {{ $by }} ((1 - pylon_kafka_stream_up{ {{- $ours -}} }) * pylon_kafka_stream_owned{ {{- $ours -}} }) == 1
  summary: The stream {{ "{{ $labels.stream }}" }} is down.
  description: For ten minutes each try to read or publish {{ "{{ $labels.stream }}" }} has failed. The other streams go on.
  runbook: The status page, /api/streams and the log name the reason; `pylon-kafka check` tries each right and names the one that is missing.

- alert: PylonKafkaStreamStale
  severity: warning
  for: 5m
  expr: |-
    time() - max {{ $by }} (pylon_kafka_cursor_timestamp_seconds{ {{- $ours -}} }) > 3 * max {{ $by }} (pylon_kafka_stream_interval_seconds{ {{- $ours -}} }) + {{ $limits.staleSeconds }}
    and max {{ $by }} (pylon_kafka_last_success_timestamp_seconds{ {{- $ours -}} }) > 0
  summary: What Kafka has of the stream {{ "{{ $labels.stream }}" }} is stale.
  description: Kafka holds what Pylon had {{ "{{ $value | humanizeDuration }}" }} ago, more than three of the stream's intervals.
  runbook: Look at the stream's state and reason on the status page; if it waits for its rate limit, see PylonKafkaRateLimitStarved.

- alert: PylonKafkaStreamNeverSucceeded
  severity: warning
  for: {{ $limits.neverSucceededFor }}
  expr: max {{ $by }} (pylon_kafka_last_success_timestamp_seconds{ {{- $ours -}} }) == 0
  summary: The stream {{ "{{ $labels.stream }}" }} has never caught up with Pylon.
  description: The first pass of {{ "{{ $labels.stream }}" }} has not ended within {{ $limits.neverSucceededFor }}.
  runbook: Is it down (reason on the status page), or is there just much to read? Then the backlog falls; raise prometheusRule.thresholds.neverSucceededFor.

- alert: PylonKafkaNoOwner
  severity: critical
  for: 2m
  expr: max {{ $by }} (pylon_kafka_stream_owned{ {{- $ours -}} }) == 0
  summary: No replica works on the stream {{ "{{ $labels.stream }}" }}.
  description: For two minutes no replica has held the lease on {{ "{{ $labels.stream }}" }}, longer than any hand-over takes.
  runbook: Look whether the replicas are in the group (kafka-consumer-groups --describe --members) and have the right to it; another program in the same group may hold the lease.

- alert: PylonKafkaDeadLetters
  severity: warning
  for: 0m
  expr: sum {{ $by }} (increase(pylon_kafka_records_deadlettered_total{ {{- $ours -}} }[15m])) > 0
  summary: Objects of the stream {{ "{{ $labels.stream }}" }} went to the dead-letter topic.
  description: In 15 minutes {{ "{{ $value | humanize }}" }} objects of {{ "{{ $labels.stream }}" }} could not be published.
  runbook: Read the dead-letter topic; the header error says why, and the value is the object as Pylon sent it. Too large is mended by the topic's max.message.bytes.

- alert: PylonKafkaParked
  severity: warning
  for: 1h
  expr: max {{ $by }} (pylon_kafka_parked{ {{- $ours -}} }) > 0
  summary: Pylon cannot serve some issues' {{ "{{ $labels.stream }}" }}.
  description: The {{ "{{ $labels.stream }}" }} of {{ "{{ $value | humanize }}" }} issues could not be read for an hour. They are tried again ever more rarely, and all others go on.
  runbook: The status page lists the issues and Pylon's answers; tell Pylon's support the request ids of the log.

- alert: PylonKafkaBacklogGrowing
  severity: warning
  for: 1h
  expr: |-
    max {{ $by }} (pylon_kafka_backlog_seconds{ {{- $ours -}} }) > {{ $limits.backlogSeconds }}
    and max {{ $by }} (deriv(pylon_kafka_backlog{ {{- $ours -}} }[1h])) > 0
  summary: The backlog of the stream {{ "{{ $labels.stream }}" }} grows.
  description: The backlog of {{ "{{ $labels.stream }}" }} would take {{ "{{ $value | humanizeDuration }}" }} to read, and it grows.
  runbook: More issues change than the rate limit lets be read. Does another program use the same token? Ask Pylon for a higher limit and set pylon.rateLimits.

- alert: PylonKafkaRateLimitStarved
  severity: warning
  for: 6h
  expr: max by (namespace, job, endpoint) (rate(pylon_kafka_api_rate_limit_wait_seconds_total{ {{- $ours -}} }[30m])) > {{ $limits.rateLimitWaitShare }}
  summary: The endpoint {{ "{{ $labels.endpoint }}" }} of Pylon does nothing but wait for its rate limit.
  description: For six hours {{ "{{ $value | humanizePercentage }}" }} of the time went into waiting for the rate limit of {{ "{{ $labels.endpoint }}" }}.
  runbook: Expected during a first pass. Otherwise lengthen the interval of the stream, or ask Pylon for a higher limit and set pylon.rateLimits; answers 429 mean that another program uses the same token.
{{- end }}
