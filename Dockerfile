# rmqsync as an image: `docker build -t rmqsync .`, then `docker run rmqsync --version`.
#
# BASE is any Debian or Ubuntu with Python 3.11 or newer as `python3`. Where pip needs an index or
# a certificate authority of your own, hand them in as secrets; they are not kept in the image:
#
#   docker build --secret id=pip.conf,src=$HOME/.config/pip/pip.conf --secret id=ca.pem,src=ca.pem .
#
# The root of the image may be read-only. All that is ever written goes to /var/lib/rmqsync:
#
#   docker run --read-only -v rmqsync:/var/lib/rmqsync -v "$PWD:/work:ro" rmqsync validate
#
# As a daemon it is `docker run … rmqsync run`; deploy/ has the rest of it. Docker then asks /healthz.
# Podman and buildah keep that check with `--format docker` only.

ARG BASE=python:3.12-slim

FROM ${BASE} AS build

# Two environments, so that pip itself is not in the one that is kept.
RUN python3 -m venv /build/tools && python3 -m venv --without-pip /opt/rmqsync

# The libraries first: they change less often than the code.
COPY pyproject.toml /build/source/
WORKDIR /build/source
RUN python3 -c "import tomllib; \
        project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
        print(*project['dependencies'], *project['optional-dependencies']['postgresql'], sep='\n')" \
        >/build/requirements.txt
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    /build/tools/bin/pip --python /opt/rmqsync/bin/python install \
        --no-cache-dir --disable-pip-version-check --requirement /build/requirements.txt

COPY . /build/source/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    /build/tools/bin/pip --python /opt/rmqsync/bin/python install \
        --no-cache-dir --disable-pip-version-check --no-deps /build/source \
    && /opt/rmqsync/bin/rmqsync --version


FROM ${BASE}

# git reads definitions, ssh reaches them; nobody reads their manuals in here, nor what they say in
# other languages, which is several MB. What is mounted belongs to somebody else, which git would
# refuse; nobody but rmqsync uses git in here.
RUN export DEBIAN_FRONTEND=noninteractive \
    && apt-get update --quiet \
    && apt-get install --quiet --yes --no-install-recommends ca-certificates git openssh-client \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
        /usr/share/locale/* /usr/share/man/* \
    && git config --system --add safe.directory '*' \
    && groupadd --gid 10001 rmqsync \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/rmqsync \
        --shell /usr/sbin/nologin rmqsync \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/rmqsync \
    && mkdir --parents /work

COPY --from=build /opt/rmqsync /opt/rmqsync
COPY ci/base.py ci/check.py ci/comment.py /opt/rmqsync/ci/

ENV PATH=/opt/rmqsync/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/var/lib/rmqsync \
    TMPDIR=/var/lib/rmqsync \
    RMQSYNC_DATA_DIR=/var/lib/rmqsync \
    PYTHONDONTWRITEBYTECODE=1

ARG REVISION=unknown
LABEL org.opencontainers.image.title="rmqsync" \
      org.opencontainers.image.description="GitOps for RabbitMQ: definitions in git, validated, planned, applied and watched" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"

USER 10001:10001
VOLUME /var/lib/rmqsync
WORKDIR /work

# Of `rmqsync run`; a verb that ends has no health. By no proxy, on the port of RMQSYNC_BIND or 8080.
# It answers once its settings are read, long before a large repository is fetched.
HEALTHCHECK --start-period=1m --interval=30s --timeout=5s --retries=3 \
    CMD ["python3", "-c", "\
import http.client, os, sys; \
port = os.environ.get('RMQSYNC_BIND', ':8080').rpartition(':')[2]; \
asked = http.client.HTTPConnection('127.0.0.1', int(port), timeout=4); \
asked.request('GET', '/healthz'); \
sys.exit(asked.getresponse().status != 200)"]

ENTRYPOINT ["rmqsync"]
