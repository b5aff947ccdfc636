# Shell-less image that runs the exporter as an unprivileged user.
#
#   docker build --build-arg REVISION=$(git rev-parse --short=12 HEAD) -t whatsapp-business-exporter .
#   docker run --rm -p 127.0.0.1:10131:10131 whatsapp-business-exporter demo --web.listen-address=0.0.0.0:10131
FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
# Compiled into the program.
COPY alerts/values.yaml alerts/
COPY alerts/templates alerts/templates
# Cargo.toml references these, but they are not built.
COPY benches benches
# The build context excludes .git, so pass the revision as a build argument.
ARG REVISION=unknown
# Cache mounts instead of a dependency layer: a layer would need dummy sources, and any change of
# Cargo.lock would rebuild it. A cache is not part of the image, so the binary is copied out of it. One
# build at a time writes to target.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target,sharing=locked \
    BUILD_REVISION="$REVISION" cargo build --profile dist --locked --bin whatsapp-business-exporter \
    && cp target/dist/whatsapp-business-exporter /usr/local/bin/ \
    && mkdir /data

# Contains only libc, libgcc and certificate authorities.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG REVISION=unknown
LABEL org.opencontainers.image.title="whatsapp-business-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the WhatsApp Business Platform" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/whatsapp-business-exporter/whatsapp-business-exporter" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /usr/local/bin/whatsapp-business-exporter /usr/local/bin/
# The store is data/whatsapp-business-exporter.db below the working folder, unless --store.url says
# otherwise. Nothing else is written, so the root file system may be read-only.
COPY --from=build --chown=65532:65532 /data /var/lib/whatsapp-business-exporter/data
WORKDIR /var/lib/whatsapp-business-exporter
VOLUME /var/lib/whatsapp-business-exporter/data
# The base's `nonroot`, as a number: Kubernetes' runAsNonRoot cannot verify a user name.
USER 65532:65532
EXPOSE 10131 10133
# For another --web.listen-address or a --config.file, give the check the same flag: --health-cmd, or
# `healthcheck` in compose.yaml. It fails after 5 s with the reason.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["/usr/local/bin/whatsapp-business-exporter", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/whatsapp-business-exporter"]
