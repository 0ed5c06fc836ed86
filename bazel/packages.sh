# shellcheck shell=bash
# The Debian packages that the project needs, each named once, and how they get
# onto the machine. Sourced by ./run and ./test.
# shellcheck disable=SC2034

# What a build and ./run need.
BUILD_PACKAGES=(
    bazel-bootstrap bazel-platforms bazel-skylib bazel-rules-java
    gcc g++ libc6-dev
    libgrpc-dev libprotobuf-c-dev protobuf-c-compiler protobuf-compiler libprotobuf-dev grpc-proto
    libpython3.11-dev python3.11
)

# What ./test needs beside them.
TEST_PACKAGES=(
    libcmocka-dev
    clang-14 clang-format-14 clang-tidy-14 libfuzzer-14-dev libclang-rt-14-dev
    shellcheck git
)

missing_packages() {
    local package

    for package; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            echo "$package"
    done
}

# As root by itself, otherwise by sudo where that asks no password, otherwise
# by telling the user what to type.
as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        die "packages are missing and only root may install them; type this and try again:" \
            "    sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}"
    fi
}

# install_packages NAME...: installs those that aren't there; without a network
# where all are.
install_packages() {
    local missing

    command -v dpkg-query >/dev/null ||
        die "this is not a Debian machine: install what bazel/packages.sh lists by hand"
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    say "installing ${missing[*]}"
    as_root apt-get -q update >&2 || die "apt-get update failed"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends \
        "${missing[@]}" >&2 || die "apt-get can't install ${missing[*]}"
}

# Any Node from 18 on will do; Debian's where there is none.
node_packages() {
    command -v node >/dev/null || echo nodejs
    command -v npm >/dev/null || echo npm
}

# install_modules FOLDER: what its package-lock.json names, once.
install_modules() {
    local folder=$1

    cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed" && return 0
    say "installing the npm modules of $folder"
    (cd "$folder" && npm ci --ignore-scripts --loglevel=error) >&2 ||
        die "npm can't install the modules of $folder"
    cp "$folder/package-lock.json" "$folder/node_modules/.installed"
}
