# The image of workers, of one-shot commands and of the lag exporter: no torch. Built from the repository's root.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
ARG UV_VERSION=0.9.11
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1 UV_NATIVE_TLS=1
RUN python3 -m venv /uv && /uv/bin/pip install --no-cache-dir --quiet "uv==${UV_VERSION}"
WORKDIR /src
COPY pyproject.toml ./
COPY requirements requirements
COPY deploy/docker/packages.py deploy/docker/packages.py
# Versions and hashes are the lock's: as constraints they pin all that is resolved.
RUN python3 deploy/docker/packages.py worker > packages.txt \
    && /uv/bin/uv venv --quiet --python python3 /opt/pelton \
    && /uv/bin/uv pip install --quiet --compile-bytecode --python /opt/pelton/bin/python -r packages.txt -c requirements/locked.txt \
    && /uv/bin/uv pip install --quiet --no-deps --require-hashes --python /opt/pelton/bin/python -r requirements/no-deps.txt

# Pelton itself is a small layer of its own, over packages that stay as they are.
FROM packages AS code
COPY . .
RUN /uv/bin/uv build --quiet --wheel --out-dir dist \
    && /uv/bin/uv pip install --quiet --no-deps --compile-bytecode --python /opt/pelton/bin/python --prefix /code dist/*.whl

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 pelton && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/pelton pelton \
    && install -d -o 10001 -g 10001 /var/lib/pelton
COPY --from=packages /opt/pelton /opt/pelton
COPY --from=code /code /opt/pelton
ENV PATH=/opt/pelton/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/pelton
VOLUME /var/lib/pelton
ENTRYPOINT ["pelton"]
CMD ["--help"]
