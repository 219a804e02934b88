# One static binary on an empty base. `.ci/image` makes the same image where no base image can be pulled: it runs the same
# `.ci/rootfs` and takes the configuration from the last stage here.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag pylon-kafka --sbom=true \
#     --build-arg VERSION=$(git describe --tags --always) --build-arg COMMIT=$(git rev-parse HEAD) \
#     --build-arg CREATED=$(git log -1 --format=%cI) --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) \
#     --output type=image,rewrite-timestamp=true .
FROM --platform=$BUILDPLATFORM golang:1.26.10 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev COMMIT= SOURCE_DATE_EPOCH=0 TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache \
    GOOS=$TARGETOS GOARCH=$TARGETARCH .ci/rootfs /image

FROM scratch
COPY --from=build /image/ /
ARG VERSION=dev COMMIT= CREATED=
LABEL org.opencontainers.image.title="pylon-kafka" \
      org.opencontainers.image.description="The Pylon customer-support API into Kafka, exactly once" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.created="$CREATED"
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
# The one place that may be written to, for `demo`; the service writes nothing.
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["/pylon-kafka"]
CMD ["run"]
