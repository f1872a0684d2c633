# Two images of one file; docker-compose.yml starts them.
#
#     docker build --target job  --tag fleet-telemetry:1.0.0 .         scoring, notification and the simulator
#     docker build --target page --tag fleet-telemetry-page:1.0.0 .    the page, and the recorder with its history
#
# The second has the packages of the history and the page, which are as large again as all that a job needs.

FROM python:3.11.14-slim-trixie AS packages

# Install only what a program needs from pyproject.toml, not the development and benchmark tools that are also in
# the lock. uv, unlike pip, takes hashes from constraints: every package must have the version and one of the hashes
# in the lock, or the build fails. uv itself comes from the lock too.
WORKDIR /build
COPY pyproject.toml requirements.lock ./
RUN awk '/^[^ #]/ {wanted = /^uv==/} wanted' requirements.lock > uv.txt \
    && pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement uv.txt \
    && uv venv --no-cache /opt/fleet


FROM packages AS packages-of-the-job
RUN uv pip install --no-cache --python /opt/fleet/bin/python --compile-bytecode --only-binary :all: \
    --require-hashes --requirements pyproject.toml --extra notify --constraints requirements.lock


FROM packages AS packages-of-the-page
RUN uv pip install --no-cache --python /opt/fleet/bin/python --compile-bytecode --only-binary :all: \
    --require-hashes --requirements pyproject.toml --extra page --extra maps --extra oidc \
    --constraints requirements.lock


# The programs. Images keep modification times in whole seconds, by which bytecode and the compiled loops are
# recognised as those of a file: with a fraction, all of them would be compiled again at every start.
FROM python:3.11.14-slim-trixie AS programs
WORKDIR /app
COPY config config
COPY dataflows dataflows
COPY sim sim
COPY ui ui
RUN find . -name '*.py' -exec touch --date=@1700000000 {} + && python -m compileall -q .


# The machine code of the detector's loops, which takes up to a minute and a half: a job over a recording with
# faults and a bad network compiles what a job over a broker calls. `generic` is every processor of this architecture.
FROM packages-of-the-job AS compiled
WORKDIR /app
COPY --from=programs /app .
ENV PATH=/opt/fleet/bin:$PATH NUMBA_CPU_NAME=generic NUMBA_CACHE_DIR=/opt/compiled
RUN python -m sim --vehicles 8 --duration 400 --faults-per-hour 60 --output /tmp/fleet.jsonl \
      --network duplicates=0.01,loss=0.01,reorder=0.02,delay=3,gaps=4 \
    && FLEET__SOURCE__KIND=recording FLEET__SINK__KIND=recording FLEET__RECORDING__INPUT=/tmp/fleet.jsonl \
      FLEET__RECORDING__RESULTS=/tmp/results python -m bytewax.run dataflows.fleet


FROM python:3.11.14-slim-trixie AS program

# Numeric ids, so that an orchestrator can verify that the user is not root and can set the owner of volumes.
RUN groupadd --gid 10001 fleet \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/fleet --no-create-home --shell /usr/sbin/nologin fleet \
    && install --directory --owner 10001 --group 10001 --mode 0700 \
       /var/lib/fleet /var/lib/fleet/recovery /var/lib/fleet/history /var/lib/page

# Bytewax looks for the flows, and Streamlit for its secrets, in the working directory.
WORKDIR /app
COPY --from=programs /app .

ENV PATH=/opt/fleet/bin:$PATH \
    HOME=/var/lib/fleet \
    PYTHONUNBUFFERED=1 \
    RUST_BACKTRACE=0

USER 10001:10001

# State is in /var/lib/fleet/recovery and history, and the page's users in /var/lib/page; docker-compose.yml mounts a
# volume for each program that has some. No VOLUME here: it would create an anonymous one for every container, also of
# stateless programs.


FROM program AS page
COPY --from=packages-of-the-page /opt/fleet /opt/fleet
EXPOSE 8501
CMD ["streamlit", "run", "ui", "--server.address", "0.0.0.0", "--server.port", "8501"]


FROM program AS job
COPY --from=packages-of-the-job /opt/fleet /opt/fleet
COPY --from=compiled /opt/compiled /opt/compiled

# numba uses no directory that it cannot write to, and the image is read-only: it gets a copy, of five megabytes.
ENV NUMBA_CPU_NAME=generic NUMBA_CACHE_DIR=/tmp/compiled
ENTRYPOINT ["sh", "-c", "[ -e \"$NUMBA_CACHE_DIR\" ] || cp -Rp /opt/compiled \"$NUMBA_CACHE_DIR\"; exec \"$@\"", "sh"]
CMD ["python", "-m", "bytewax.run", "dataflows.fleet"]
