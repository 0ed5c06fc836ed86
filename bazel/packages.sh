# shellcheck shell=bash
# The Debian packages that the project needs, each named once, and how they get
# onto the machine. Sourced by ./run and ./test.
# shellcheck disable=SC2034

# What a build and ./run need.
BUILD_PACKAGES=(
    bazel-bootstrap bazel-rules-java
    gcc g++ libc6-dev
    libgrpc-dev libprotobuf-c-dev protobuf-c-compiler protobuf-compiler libprotobuf-dev grpc-proto
    libpython3.11-dev python3.11 libjansson-dev libedit-dev
    libcgroup-dev libseccomp-dev libsqlite3-dev libhiredis-dev libssl-dev libmicrohttpd-dev
    libcyaml-dev libyaml-dev
)

# What ./run bench needs beside them: what is measured beside Vivarium, and the plots.
BENCH_PACKAGES=(
    python3-numpy python3-cloudpickle python3-dill
    bubblewrap python3-ipykernel python3-jupyter-client python3-pebble
    python3-matplotlib
)

# What ./test needs beside them.
TEST_PACKAGES=(
    libcmocka-dev
    redis-server python3-numpy python3-pandas
    prometheus openssl systemd curl
    clang-14 clang-format-14 clang-tidy-14 libfuzzer-14-dev libclang-rt-14-dev
    shellcheck git
    pkg-config dpkg-dev fakeroot lintian
    python3-grpcio python3-protobuf protobuf-compiler-grpc
    runc crun golang-github-containers-common iproute2
    mandoc bsdextrautils zsh
    qemu-system-x86 linux-image-cloud-amd64 busybox-static cpio
)

# What deploy/image/build needs beside BUILD_PACKAGES.
IMAGE_PACKAGES=(mmdebstrap umoci skopeo binutils)

missing_packages() {
    local package

    for package; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            echo "$package"
    done
}

# Sets ROOT to the words that make a command root's: none, or sudo where that
# asks no password. Otherwise the user is told what to type.
become_root() {
    if [[ $EUID -eq 0 ]]; then
        return
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        ROOT=(sudo -n)
    else
        die "packages are missing and only root may install them; type this and try again:" \
            "    sudo apt-get update && sudo apt-get install --no-install-recommends $*"
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
    ROOT=()
    become_root "${missing[@]}"
    say "installing ${missing[*]}"
    quietly "${ROOT[@]}" apt-get -q update
    quietly "${ROOT[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
        --no-install-recommends "${missing[@]}"
}

# Only what goes wrong is worth reading.
quietly() {
    local log

    log=$(mktemp)
    ("$@") >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "that failed: $*"
    }
    rm -f "$log"
}

# Any Node from 18 on will do; Debian's where there is none.
node_packages() {
    command -v node >/dev/null || echo nodejs
    command -v npm >/dev/null || echo npm
}

# Any kubectl will do; Debian's where there is none.
kubectl_package() {
    command -v kubectl >/dev/null || echo kubernetes-client
}

npm_ci() {
    cd "$1" && npm ci --ignore-scripts --loglevel=error
}

# install_modules FOLDER: what its package-lock.json names, once.
install_modules() {
    local folder=$1

    node -e 'process.exit(parseInt(process.versions.node, 10) < 18 ? 1 : 0)' ||
        die "the tests want Node 18 or later; this is $(node --version)"
    cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed" && return 0
    say "installing the npm modules of $folder"
    quietly npm_ci "$folder"
    cp "$folder/package-lock.json" "$folder/node_modules/.installed"
}
