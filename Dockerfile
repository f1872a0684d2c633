# One image for every program: simulator, dataflow, recorder and page. docker-compose.yml starts them.

FROM python:3.11.14-slim-trixie AS build

# Only what [project] dependencies of pyproject.toml need, not the tools of development and benchmarks that are in
# the lock as well. pip takes no hashes from constraints, uv does: each package must have the lock's version and one
# of its hashes, or the build stops. uv itself comes from the lock, too.
WORKDIR /build
COPY pyproject.toml requirements.lock ./
RUN awk '/^[^ #]/ {wanted = /^uv==/} wanted' requirements.lock > uv.txt \
    && pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement uv.txt \
    && uv venv --no-cache /opt/fleet \
    && uv pip install --no-cache --python /opt/fleet/bin/python --compile-bytecode --only-binary :all: \
       --require-hashes --requirements pyproject.toml --constraints requirements.lock


FROM python:3.11.14-slim-trixie

# Numbers, so that an orchestrator can check that it is not root, and volumes have an owner it can name.
RUN groupadd --gid 10001 fleet \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/fleet --no-create-home --shell /usr/sbin/nologin fleet \
    && install --directory --owner 10001 --group 10001 --mode 0700 \
       /var/lib/fleet /var/lib/fleet/recovery /var/lib/fleet/recordings /var/lib/fleet/compiled

COPY --from=build /opt/fleet /opt/fleet

# The programs find their settings, and Streamlit its own, from here.
WORKDIR /app
COPY .streamlit .streamlit
COPY config config
COPY dataflows dataflows
COPY sim sim
COPY ui ui
RUN /opt/fleet/bin/python -m compileall -q .

# compiled: what numba makes of the detector's loops at the first start, some seconds of work.
ENV PATH=/opt/fleet/bin:$PATH \
    HOME=/var/lib/fleet \
    NUMBA_CACHE_DIR=/var/lib/fleet/compiled \
    PYTHONUNBUFFERED=1 \
    RUST_BACKTRACE=0

USER 10001:10001

# State is in /var/lib/fleet/recovery, recordings and compiled; docker-compose.yml mounts a volume where a program
# has some. No VOLUME here: it would give the programs without state one as well, each time they are made.
EXPOSE 8501
CMD ["python", "-m", "bytewax.run", "dataflows.fleet"]
