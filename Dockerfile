# One image for both processes: `docker run IMAGE serve`, `docker run IMAGE worker`.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/anshao
COPY requirements.lock ./
RUN /opt/anshao/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md alembic.ini ./
COPY app ./app

FROM python:3.13-slim
RUN useradd --system --create-home --uid 10001 anshao && install -d -o anshao -g anshao /var/lib/anshao
COPY --from=build /opt/anshao /opt/anshao
WORKDIR /srv/anshao
COPY app ./app
COPY migrations ./migrations
COPY alembic.ini ./
ENV PATH=/opt/anshao/bin:$PATH PYTHONPATH=/srv/anshao PYTHONUNBUFFERED=1 \
    ANSHAO_DATA_DIR=/var/lib/anshao ANSHAO_HOST=0.0.0.0
USER anshao
VOLUME /var/lib/anshao
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=3)"]
ENTRYPOINT ["python", "-m", "app.cli"]
CMD ["serve"]
