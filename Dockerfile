# One image for both processes: `docker run IMAGE serve`, `docker run IMAGE worker`.
FROM python:3.13-slim AS build
RUN python -m venv /opt/anshao
COPY requirements.lock ./
RUN /opt/anshao/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock

FROM python:3.13-slim
RUN useradd --system --create-home --uid 10001 anshao \
    && install -d -o anshao -g anshao -m 0700 /var/lib/anshao /var/lib/anshao-checkpoints
COPY --from=build /opt/anshao /opt/anshao
WORKDIR /srv/anshao
COPY app ./app
COPY clients/python/anshao_phone ./anshao_phone
COPY migrations ./migrations
COPY alembic.ini ./
ENV PATH=/opt/anshao/bin:$PATH PYTHONPATH=/srv/anshao PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    ANSHAO_DATA_DIR=/var/lib/anshao ANSHAO_HOST=0.0.0.0
USER anshao
VOLUME ["/var/lib/anshao", "/var/lib/anshao-checkpoints"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["python", "-m", "app.cli"]
CMD ["serve"]
