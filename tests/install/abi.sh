# shellcheck shell=bash
# The ABI of the libraries, as text. Sourced from the root.

declare -A ABI_HEADERS=(
    [libvivarium]='proto/vivarium_error.h supervisor/vivarium.h'
    [libvivarium_client]='proto/vivarium_error.h client/vivarium_value.h client/vivarium_scope.h client/vivarium_client.h'
)

# abi LIBRARY
abi() {
    # shellcheck disable=SC2086
    python3.11 tests/install/abi.py ${ABI_HEADERS[$1]} -- -I.
}
