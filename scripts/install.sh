#!/bin/sh
# Creates a virtual environment with what the programs need at run time, each package in the version and with
# one of the hashes of requirements.lock:  sh scripts/install.sh .venv
#
# Bytewax has wheels for Python 3.11 and 3.12 only. The first of python3, python3.12 and python3.11 that runs and
# is one of these is used, or the one that PYTHON names. If there is none, uv downloads Python 3.12.
set -eu

venv=$1
lock=requirements.lock
needed="Python 3.11 or 3.12 (Bytewax has no wheels for others)"

fail() {
    echo "install: $*" >&2
    exit 1
}

# The version that an interpreter prints; nothing if it does not run, as a shim of pyenv may not.
version_of() {
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true
}

# Debian packages these modules separately.
can_create_environments() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# pip takes no hashes from a constraints file, uv does. So pip, or another uv, installs only the uv of the lock.
lock_of_uv() {
    awk '/^[^ #]/ { wanted = /^uv==/ } wanted' "$lock"
}

# Sets `python` and `version` to the first candidate that fits, else `found` to what there is.
choose_python() {
    python=
    found=
    for candidate in "$@"; do
        version=$(version_of "$candidate")
        case $version in
            3.11.* | 3.12.*) python=$candidate; return ;;
            ?*) found="$found${found:+, }$candidate $version" ;;
        esac
    done
    found=${found:-none}
}

# Sets `uv` to one in a temporary environment of any Python that can create environments.
fetch_uv() {
    for candidate in python3 python3.14 python3.13 python3.10 python; do
        if can_create_environments "$candidate" && "$candidate" -m venv --clear "$scratch/uv" &&
            "$scratch/uv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
                --requirement "$scratch/uv.txt"; then
            uv=$scratch/uv/bin/uv
            return
        fi
    done >/dev/null 2>&1
}

create_with_python() {
    echo "creating $venv with $python ($version)"
    if can_create_environments "$python"; then
        "$python" -m venv --clear "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
            --requirement "$scratch/uv.txt"
    elif [ -n "$uv" ]; then
        "$uv" venv --quiet --clear --python "$python" "$venv"
    else
        fail "expected $python to have the modules venv and ensurepip, it has not; install them" \
            "(apt-get install python${version%.*}-venv) or name another Python: make PYTHON=python3.12 install"
    fi
}

create_with_uv() {
    remedy="install one (apt-get install python3.12-venv, brew install python@3.12) or name it:"
    remedy="$remedy make PYTHON=/path/to/python3.12 install"
    if [ -z "$uv" ]; then
        fetch_uv
    fi
    if [ -z "$uv" ]; then
        fail "expected $needed, found $found, and uv, which could download it, cannot be installed; $remedy"
    fi
    echo "creating $venv with Python 3.12 from uv (found: $found)"
    if ! "$uv" venv --quiet --clear --python 3.12 "$venv" >"$scratch/said" 2>&1; then
        fail "expected $needed, found $found, and uv cannot download it ($(head -n 1 "$scratch/said")); $remedy"
    fi
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
lock_of_uv >"$scratch/uv.txt"

uv=$(command -v uv || true)
if [ -n "$uv" ] && ! "$uv" --version >/dev/null 2>&1; then
    uv=
fi

if [ -n "${PYTHON:-}" ]; then
    choose_python "$PYTHON"
    if [ -z "$python" ]; then
        fail "expected PYTHON to name $needed, got $PYTHON, which ${version:+is }${version:-does not run}"
    fi
    create_with_python
else
    choose_python python3 python3.12 python3.11
    if [ -n "$python" ]; then
        create_with_python
    else
        create_with_uv
    fi
fi

if [ ! -x "$venv/bin/uv" ]; then
    "$uv" pip install --quiet --python "$venv/bin/python" --require-hashes --requirement "$scratch/uv.txt"
fi
# Compiled once here, and not at every start by who cannot or may not write (PYTHONDONTWRITEBYTECODE).
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --compile-bytecode --require-hashes \
    --requirement pyproject.toml --extra all --constraint "$lock"
