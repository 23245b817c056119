# Compose v2 for the tests, from Debian 13's packages, beside the machine's own Compose.
FROM debian:trixie-slim
RUN apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends \
        docker-cli docker-compose \
    && rm -rf /var/lib/apt/lists/*
