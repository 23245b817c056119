# The service in one container: supervisord, the workers, nginx. CONTRIBUTING.md says how it is built and checked.
FROM debian:trixie-slim AS build
COPY install/packages /src/install/packages
RUN /src/install/packages build
WORKDIR /src
COPY Makefile VERSION ./
COPY fcgi fcgi
COPY schema schema
ARG REVISION=unknown
RUN make REVISION="$REVISION"

FROM debian:trixie-slim
RUN apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends \
        libfcgi0t64 libjson-c5 libpq5 nginx supervisor \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*
COPY --from=build /src/build/purser /usr/bin/
COPY nginx /usr/lib/purser/nginx
COPY supervisord /usr/lib/purser/supervisord
COPY schema/fill /usr/lib/purser/schema/
COPY schema/sample/*.csv /usr/share/purser/sample/
ENV RUN_DIR=/tmp/purser
USER 10001:10001
EXPOSE 8080
CMD ["/usr/lib/purser/supervisord/start", "/usr/lib/purser/supervisord/supervisord.conf"]
