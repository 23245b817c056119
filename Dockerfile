# The service in one container: supervisord, the workers, nginx. install/README.md says how it is built and checked.
FROM debian:trixie-slim AS docs
COPY install/packages /src/install/packages
RUN /src/install/packages docs
# What the base image trusts beside Debian's authorities, a company's own registry mirror, npm is to trust, too.
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
WORKDIR /src
COPY openapi.yaml ./
COPY nginx/docs nginx/docs
RUN nginx/docs/build /www

FROM debian:trixie-slim AS build
COPY install/packages /src/install/packages
RUN /src/install/packages build
WORKDIR /src
COPY Makefile VERSION ./
COPY fcgi fcgi
COPY schema/*.sql schema/embed schema/fill schema/
COPY schema/sample/*.csv schema/sample/
ARG REVISION=unknown
RUN make REVISION="$REVISION"
COPY nginx/*.in nginx/
COPY supervisord supervisord
COPY --from=docs /www www
# All that is added to the image, as one tree. Its times are the commit's, those of the directories, too.
ARG SOURCE_DATE_EPOCH=0
RUN mkdir -p /image/usr/bin /image/usr/lib/purser/schema /image/usr/lib/purser/supervisord \
        /image/usr/share/purser/sample \
    && cp build/purser /image/usr/bin/ \
    && cp -R nginx www /image/usr/lib/purser/ \
    && cp supervisord/start supervisord/supervisord.py supervisord/supervisord.conf supervisord/purser.conf \
        /image/usr/lib/purser/supervisord/ \
    && cp schema/fill /image/usr/lib/purser/schema/ \
    && cp schema/sample/*.csv /image/usr/share/purser/sample/ \
    && find /image -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +

FROM debian:trixie-slim
# The same packages give the same layer, byte for byte: what apt leaves in caches and logs goes (a file that the base
# image has is emptied, since its removal would be noted with the time of day), and what the packages' scripts wrote
# gets the base image's time. The packages' own files have the times that they were packed with. `start` is no whole
# second: in the one before it the engine makes files of its own, such as /etc/mtab, which belong into no layer.
RUN start=$(date +%s.%N) \
    && before=$(find /var/cache /var/lib/apt/lists /var/log -type f) \
    && apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends \
        libfcgi0t64 libjson-c5 libpq5 nginx supervisor \
    && find /var/cache /var/lib/apt/lists /var/log -type f | while read -r file; do \
        case " $(echo $before) " in *" $file "*) : >"$file" ;; *) rm "$file" ;; esac; done \
    && find /etc /run /tmp /usr /var -xdev -newermt "@$start" -exec touch -hr /etc/debian_version {} +
COPY --from=build /image/ /
ENV RUN_DIR=/tmp/purser
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["purser", "probe"]
CMD ["/usr/lib/purser/supervisord/start", "/usr/lib/purser/supervisord/supervisord.conf"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="purser" \
    org.opencontainers.image.description="Passengers and employees over HTTP: FastCGI workers in C behind nginx" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.created="$CREATED" \
    org.opencontainers.image.source="$SOURCE"
