# docker build --tag artifacts-gateway .                             the gateway, for an account
# docker build --tag artifacts-gateway:local --target local .        with git, also for serve --local
#
# The file system may be read-only; local mode needs a volume at /data. Give the API token as a file that user 65532 can
# read, named by CLOUDFLARE_API_TOKEN_FILE; no secret belongs into a build argument.

FROM swift:6.3-bookworm AS build
WORKDIR /source
COPY Makefile ./
COPY deploy/install-packages.sh deploy/
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends make \
 && make deps \
 && rm -rf /var/lib/apt/lists/*
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
RUN make build \
 && strip -o /artifacts-gateway .build/release/artifacts-gateway

FROM debian:bookworm-slim AS base
# libstdc++6 is part of the base image; it is named because the binary needs it.
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
      ca-certificates libnghttp2-14 libssl3 libstdc++6 zlib1g \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /artifacts-gateway /usr/local/bin/artifacts-gateway
COPY LICENSE /usr/share/doc/artifacts-gateway/LICENSE
LABEL org.opencontainers.image.title="artifacts-gateway" \
      org.opencontainers.image.description="A reverse proxy for Git smart HTTP in front of Cloudflare Artifacts" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
EXPOSE 7080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/artifacts-gateway"]
CMD ["serve"]

FROM base AS local
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner=65532 --group=65532 --mode=0700 /data
ENV ARTIFACTS_GATEWAY_DATA_DIR=/data
VOLUME /data
USER 65532:65532

FROM base AS gateway
USER 65532:65532
