# One static binary on an empty base. `.ci/image` makes the same image where no base image can be pulled: it runs the same
# `.ci/rootfs` and takes the last stage from here.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev COMMIT= TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH .ci/rootfs /image

FROM scratch
COPY --from=build /image/ /
ARG VERSION=dev COMMIT=
LABEL org.opencontainers.image.title="pylon-kafka" \
      org.opencontainers.image.description="The Pylon customer-support API into Kafka, exactly once" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
# The one place that may be written to, for `demo`; the service writes nothing.
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["/pylon-kafka"]
CMD ["run"]
