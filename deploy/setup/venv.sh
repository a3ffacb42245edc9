#!/bin/sh
# Make .venv with pip in it. Debian's python3 comes without venv and pip, so they may have to be installed first.
set -eu
here=$(dirname "$0")
python=${PYTHON:-python3}

fail() {
    echo "setup: $*" >&2
    exit 1
}

# ensurepip may import and still lack the wheels it unpacks: only making one shows that it works.
make_venv() {
    "$python" -c 'import ensurepip' 2>/dev/null && "$python" -m venv --clear .venv >/dev/null 2>&1
}

command -v "$python" >/dev/null || fail "$python is not installed; Busbar needs Python 3.11 or newer"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is $("$python" -V 2>&1); Busbar needs Python 3.11 or newer (make PYTHON=python3.11 … picks another)"
[ -w . ] || fail "cannot write to $(pwd), where .venv is to be"
if ! make_venv; then
    rm -rf .venv
    "$here/apt.sh" "$python cannot make a virtual environment" python3-venv
    make_venv || fail "$python cannot make a virtual environment, even with python3-venv: try $python -m venv .venv"
fi
