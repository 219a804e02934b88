// Package tracing sends OpenTelemetry traces where the environment asks for them.
//
// They are on when OTEL_TRACES_EXPORTER is set to anything but none, or one of
// OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, and
// OTEL_SDK_DISABLED is not true. How they are sent and sampled is said by the
// variables that every OpenTelemetry SDK knows:
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Asked reports whether the environment asks for traces.
func Asked(lookup func(string) (string, bool)) bool {
	value := func(name string) string {
		text, _ := lookup(name)
		return text
	}
	if strings.EqualFold(value("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	if exporter := value("OTEL_TRACES_EXPORTER"); exporter != "" {
		return exporter != "none"
	}
	return value("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// Start returns where spans go, and a function that sends what is left and ends
// it. Both read the environment of the process, not lookup, for everything but
// whether traces are asked for; where they are not, traces is nil and end does
// nothing. A collector that does not answer holds up nothing: its spans are
// dropped, and the log says so.
func Start(ctx context.Context, lookup func(string) (string, bool), version string, log *slog.Logger) (traces trace.TracerProvider, end func(context.Context) error, err error) {
	if !Asked(lookup) {
		return nil, func(context.Context) error { return nil }, nil
	}
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("traces (OTEL_TRACES_EXPORTER, OTEL_EXPORTER_OTLP_PROTOCOL): %w", err)
	}
	// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come last, and count.
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "pylon-kafka"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("traces (OTEL_RESOURCE_ATTRIBUTES): %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Debug("traces", "error", err) }))
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return provider, provider.Shutdown, nil
}
