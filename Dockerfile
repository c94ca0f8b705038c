# syntax=docker/dockerfile:1
# Propylon in a small image: what runs needs, checked by hash, and nothing for development.
# Build it from the top of the repository: docker build -t propylon:0.1.0 .
ARG PYTHON=3.13-slim-trixie

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv --without-pip /opt/propylon \
 && python -m venv /opt/build
WORKDIR /src
COPY requirements.lock requirements-runtime.lock ./
# The build tool, at the version and hash of the full lock file.
RUN sed -n '/^setuptools==/,/[^\\]$/p' requirements.lock > requirements-build.lock \
 && /opt/build/bin/pip install --require-hashes -r requirements-build.lock \
 && /opt/build/bin/pip --python /opt/propylon/bin/python install \
      --require-hashes --only-binary :all: -r requirements-runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY webhook webhook
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
 && /opt/build/bin/pip --python /opt/propylon/bin/python install --no-deps --no-index /dist/*.whl \
 && /opt/propylon/bin/python -m compileall -q /opt/propylon/lib

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="Propylon" \
      org.opencontainers.image.description="Policy as code for Kubernetes: an admission webhook" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 65532 propylon \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin propylon \
 && install -d -o 65532 -g 65532 /var/lib/propylon
COPY --from=build /opt/propylon /opt/propylon
ENV PATH=/opt/propylon/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# By number, so that a cluster can see that it is not root.
USER 65532:65532
WORKDIR /var/lib/propylon
EXPOSE 9443 8081
ENTRYPOINT ["propylon"]
CMD ["serve"]
