# Shell-less image that runs the exporter as an unprivileged user.
#
#   docker build --build-arg REVISION=$(git rev-parse --short=12 HEAD) -t whatsapp-business-exporter .
#   docker buildx build --platform linux/amd64,linux/arm64 .   # both architectures, without emulation
#   docker run --rm -p 127.0.0.1:10131:10131 whatsapp-business-exporter demo --web.listen-address=0.0.0.0:10131
FROM --platform=$BUILDPLATFORM rust:1.95-bookworm AS build
WORKDIR /build
ARG BUILDARCH
ARG TARGETARCH
# The compiler runs on the architecture of the build host. For the other one, C sources need a cross compiler, whose
# version is that of the Debian release.
# hadolint ignore=DL3008
RUN case "$TARGETARCH" in \
      "$BUILDARCH") exit ;; \
      amd64) compiler=gcc-x86-64-linux-gnu libc=libc6-dev-amd64-cross ;; \
      arm64) compiler=gcc-aarch64-linux-gnu libc=libc6-dev-arm64-cross ;; \
      *) echo "no cross compiler for $TARGETARCH" >&2; exit 1 ;; \
    esac \
    && apt-get update \
    && apt-get install --yes --no-install-recommends "$compiler" "$libc" \
    && rm -rf /var/lib/apt/lists/*
ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
COPY Cargo.toml Cargo.lock ./
COPY src src
# Files that are compiled into the program.
COPY alerts/values.yaml alerts/
COPY alerts/templates alerts/templates
# Cargo.toml references these, but they are not built.
COPY benches benches
# The build context excludes .git, so pass the revision as a build argument.
ARG REVISION=unknown
# Cache mounts instead of a dependency layer: a layer would need placeholder sources, and any change of
# Cargo.lock would rebuild it. A cache is not part of the image, so the binary is copied out of it. One
# build at a time writes to target. Kernels for arm64 have pages of up to 64 KiB (2^16), which jemalloc must know.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target,sharing=locked \
    case "$TARGETARCH" in \
      amd64) target=x86_64-unknown-linux-gnu ;; \
      arm64) target=aarch64-unknown-linux-gnu; export JEMALLOC_SYS_WITH_LG_PAGE=16 ;; \
      *) echo "unsupported architecture: $TARGETARCH" >&2; exit 1 ;; \
    esac \
    && rustup target add "$target" \
    && BUILD_REVISION="$REVISION" cargo build --profile dist --locked --target "$target" --bin whatsapp-business-exporter \
    && cp "target/$target/dist/whatsapp-business-exporter" /usr/local/bin/ \
    && mkdir /data

# Contains only libc, libgcc and certificate authorities.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG REVISION=unknown
LABEL org.opencontainers.image.title="whatsapp-business-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the WhatsApp Business Platform" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/whatsapp-business-exporter/whatsapp-business-exporter" \
      org.opencontainers.image.documentation="https://github.com/whatsapp-business-exporter/whatsapp-business-exporter/tree/main/docs" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /usr/local/bin/whatsapp-business-exporter /usr/local/bin/
# The store is data/whatsapp-business-exporter.db below the working directory, unless --store.url sets another
# path. The exporter writes nothing else, so the root file system may be read-only.
COPY --from=build --chown=65532:65532 /data /var/lib/whatsapp-business-exporter/data
WORKDIR /var/lib/whatsapp-business-exporter
VOLUME /var/lib/whatsapp-business-exporter/data
# The user `nonroot` of the base image, as a number: Kubernetes' runAsNonRoot cannot verify a user name.
USER 65532:65532
EXPOSE 10131 10133
# For another --web.listen-address or a --config.file, give the check the same flag: --health-cmd, or
# `healthcheck` in compose.yaml. It fails after 5 s with the reason.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["/usr/local/bin/whatsapp-business-exporter", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/whatsapp-business-exporter"]
