# One image for all programs: simulator, dataflow, recorder and page. docker-compose.yml starts them.

FROM python:3.11.14-slim-trixie AS build

# Install only the [project] dependencies of pyproject.toml, not the development and benchmark tools that are also in
# the lock. uv, unlike pip, takes hashes from constraints: every package must have the version and one of the hashes
# in the lock, or the build fails. uv itself comes from the lock too.
WORKDIR /build
COPY pyproject.toml requirements.lock ./
RUN awk '/^[^ #]/ {wanted = /^uv==/} wanted' requirements.lock > uv.txt \
    && pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement uv.txt \
    && uv venv --no-cache /opt/fleet \
    && uv pip install --no-cache --python /opt/fleet/bin/python --compile-bytecode --only-binary :all: \
       --require-hashes --requirements pyproject.toml --constraints requirements.lock


FROM python:3.11.14-slim-trixie

# Numeric ids, so that an orchestrator can verify that the user is not root and can set the owner of volumes.
RUN groupadd --gid 10001 fleet \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/fleet --no-create-home --shell /usr/sbin/nologin fleet \
    && install --directory --owner 10001 --group 10001 --mode 0700 \
       /var/lib/fleet /var/lib/fleet/recovery /var/lib/fleet/history /var/lib/fleet/compiled

COPY --from=build /opt/fleet /opt/fleet

# Bytewax looks for the flows, and Streamlit for its secrets, in the working directory.
WORKDIR /app
COPY config config
COPY dataflows dataflows
COPY sim sim
COPY ui ui
RUN /opt/fleet/bin/python -m compileall -q .

# compiled: machine code of the detector's loops, which numba compiles at the first start, in some seconds.
ENV PATH=/opt/fleet/bin:$PATH \
    HOME=/var/lib/fleet \
    NUMBA_CACHE_DIR=/var/lib/fleet/compiled \
    PYTHONUNBUFFERED=1 \
    RUST_BACKTRACE=0

USER 10001:10001

# State is in /var/lib/fleet/recovery, history and compiled; docker-compose.yml mounts a volume for each program
# that has some. No VOLUME here: it would create an anonymous one for every container, also of stateless programs.
EXPOSE 8501
CMD ["python", "-m", "bytewax.run", "dataflows.fleet"]
