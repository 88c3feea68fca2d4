# The service without the embedded servers: Kafka and Redis are elsewhere. Python packages are the locked ones.
FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/streamer
WORKDIR /src
COPY deploy/requirements.lock deploy/
RUN /opt/streamer/bin/pip install --require-hashes --only-binary :all: -r deploy/requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY models models
COPY streamer streamer
RUN /opt/streamer/bin/pip wheel --no-deps --wheel-dir /wheels . \
    && /opt/streamer/bin/pip install --no-deps /wheels/segment_streamer-*.whl \
    && /opt/streamer/bin/python -m compileall -q /opt/streamer/lib

FROM python:3.12-slim
RUN groupadd --gid 10001 streamer \
    && useradd --uid 10001 --gid streamer --create-home --home-dir /home/streamer --shell /usr/sbin/nologin streamer
RUN install --directory --owner=streamer --group=streamer --mode=700 /var/lib/streamer
COPY --from=build /opt/streamer /opt/streamer
# A volume here keeps what must outlive a container: the control key, the key of links, the journal of calls, the read model.
ENV PATH=/opt/streamer/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STREAMER_HOME=/var/lib/streamer
USER 10001:10001
# Settings are also read from .env and streamer.toml in here.
WORKDIR /home/streamer
EXPOSE 9464 9465 9466 9467 8480
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9464/healthz', timeout=4)"]
ENTRYPOINT ["streamer"]
CMD ["worker", "--role", "lanes", "--no-supervise"]
