# docker build --tag artifacts-gateway .                             the gateway, for an account
# docker build --tag artifacts-gateway:local --target local .        with git, also for serve --local
#
# The file system may be read-only; local mode needs a volume at /data. Give the API token as a file that user 65532 can
# read, named by CLOUDFLARE_API_TOKEN_FILE; no secret belongs into a build argument.

# Bases are named by release; a digest pins them further: --build-arg DEBIAN=debian@sha256:... What apt installs is that of
# the release with its security updates of the day, so it carries no versions.
ARG SWIFT=swift:6.3.1-bookworm
ARG DEBIAN=debian:bookworm-20260421-slim

FROM ${SWIFT} AS build
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

# The file system of the gateway's image: what ldd names, authorities for TLS, and nothing that runs beside the gateway.
FROM ${DEBIAN} AS root
WORKDIR /packages
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends ca-certificates \
 && apt-get download -qq base-files gcc-12-base libc6 libcrypt1 libgcc-s1 libnghttp2-14 libssl3 libstdc++6 zlib1g \
 && rm -rf /var/lib/apt/lists/*
# Scanners for known faults read what is installed from status.d, where no package manager keeps a list.
RUN mkdir -p /image/var/lib/dpkg/status.d \
 && for package in *.deb; do \
      dpkg-deb --extract "$package" /image \
      && name=$(dpkg-deb --field "$package" Package) \
      && dpkg-deb --field "$package" > "/image/var/lib/dpkg/status.d/$name" || exit 1; \
    done
WORKDIR /image
# The character sets of iconv, engines of OpenSSL and programs of packages are of no use here. OpenSSL looks for
# authorities in /usr/lib/ssl, which only its own command line would bring.
RUN rm -rf usr/lib/*/gconv usr/lib/*/engines-3 usr/bin usr/sbin bin sbin boot home media mnt opt root srv \
      etc/update-motd.d etc/issue etc/issue.net usr/share/base-files usr/share/lintian \
 && find usr/share/doc -type f ! -name copyright -delete \
 && mkdir -p etc/ssl/certs usr/lib/ssl usr/local/bin \
 && cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ \
 && ln -s /etc/ssl/certs/ca-certificates.crt usr/lib/ssl/cert.pem \
 && echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' > etc/passwd \
 && echo 'nonroot:x:65532:' > etc/group \
 && echo 'hosts: files dns' > etc/nsswitch.conf \
 && mkdir /cache

FROM ${DEBIAN} AS local
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
      ca-certificates git libcrypt1 libnghttp2-14 libssl3 libstdc++6 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner=65532 --group=65532 --mode=0700 /data
COPY --from=build /artifacts-gateway /usr/local/bin/artifacts-gateway
COPY LICENSE /usr/share/doc/artifacts-gateway/LICENSE
LABEL org.opencontainers.image.title="artifacts-gateway" \
      org.opencontainers.image.description="A reverse proxy for Git smart HTTP, with an embedded Artifacts service" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV ARTIFACTS_GATEWAY_DATA_DIR=/data
VOLUME /data
EXPOSE 7080
STOPSIGNAL SIGTERM
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/usr/local/bin/artifacts-gateway", "ready"]
ENTRYPOINT ["/usr/local/bin/artifacts-gateway"]
CMD ["serve"]

FROM scratch AS gateway
COPY --from=root /image /
# So that a volume for packs belongs to who writes to it.
COPY --from=root --chown=65532:65532 /cache /var/cache/artifacts-gateway
COPY --from=build /artifacts-gateway /usr/local/bin/artifacts-gateway
COPY LICENSE /usr/share/doc/artifacts-gateway/LICENSE
LABEL org.opencontainers.image.title="artifacts-gateway" \
      org.opencontainers.image.description="A reverse proxy for Git smart HTTP in front of Cloudflare Artifacts" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV ARTIFACTS_GATEWAY_CACHE_DIR=/var/cache/artifacts-gateway/packs
EXPOSE 7080
STOPSIGNAL SIGTERM
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/usr/local/bin/artifacts-gateway", "ready"]
ENTRYPOINT ["/usr/local/bin/artifacts-gateway"]
CMD ["serve"]
