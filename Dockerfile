# The exporter in an image without a shell, as a user without rights.
#
#   docker build -t whatsapp-business-exporter .
#   docker run --rm -p 127.0.0.1:10131:10131 whatsapp-business-exporter demo --web.listen-address=0.0.0.0:10131
FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY benches benches
# Caches outlive the build; what it made has to be taken out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin whatsapp-business-exporter \
    && cp target/release/whatsapp-business-exporter /usr/local/bin/ \
    && mkdir /data

# libc, libgcc and certificate authorities, and nothing else.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/local/bin/whatsapp-business-exporter /usr/local/bin/
# The store is data/whatsapp-business-exporter.db below the working folder, unless --store.url says otherwise.
COPY --from=build --chown=nonroot:nonroot /data /var/lib/whatsapp-business-exporter/data
WORKDIR /var/lib/whatsapp-business-exporter
VOLUME /var/lib/whatsapp-business-exporter/data
EXPOSE 10131
ENTRYPOINT ["/usr/local/bin/whatsapp-business-exporter"]
