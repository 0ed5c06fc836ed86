# shellcheck shell=bash
# What the project's scripts share. Sourced from the root of the repository.
# shellcheck disable=SC2034

export LC_ALL=C.UTF-8

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
    BOLD='' DIM='' RED='' GREEN='' PLAIN=''
fi

say() {
    printf '%s==>%s %s\n' "$BOLD" "$PLAIN" "$*"
}

die() {
    printf '%s\n' "${RED}${0##*/}: $1${PLAIN}" "${@:2}" >&2
    exit 1
}

# Bazel, with start-up options of the caller's choice: VIV_BAZEL_ARGS may hold
# --output_base=DIR and the like.
run_bazel() {
    local startup

    read -ra startup <<<"${VIV_BAZEL_ARGS:-}"
    bazel "${startup[@]}" "$@"
}

# Where Bazel keeps something, by its own name for it: bazel-bin, bazel-testlogs.
bazel_path() {
    run_bazel info "${@:2}" "$1" 2>/dev/null || die "bazel doesn't know its $1"
}

# Bazel leaves out of "//..." its own link into its working folder, but not one
# that it made under another output base (another user's, for one): that one
# would bring in every BUILD file of the system.
drop_foreign_link() {
    local link=bazel-${PWD##*/}

    [[ ! -L $link || $(readlink "$link") == "$(bazel_path execution_root)" ]] || rm -f "$link"
}
