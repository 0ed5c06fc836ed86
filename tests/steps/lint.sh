# shellcheck shell=bash
# Each lint is one test.

NODE_BIN=tests/interop/node_modules/.bin

# project_files PATTERN...: the files of the project, not those of its
# surroundings; the tree may belong to somebody else.
project_files() {
    git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@"
}

c_files() {
    project_files '*.c' '*.h'
}

scripts() {
    project_files run test .ci/run deploy/image/build '*.sh'
}

bazel_files() {
    project_files BUILD '*/BUILD' '*.BUILD' WORKSPACE '*/WORKSPACE' '*.bzl'
}

lint_format() {
    c_files | xargs clang-format-14 --dry-run -Werror
}

# The commands come from Bazel; generated headers must have been built. What
# Bazel can't load is its own failure, and the rest is looked at all the same.
write_compile_commands() {
    local output_path status=0

    output_path=$(bazel_path output_path) || return
    run_bazel aquery --keep_going --output=jsonproto --noshow_progress \
        "mnemonic('CppCompile', //...)" >"$SCRATCH/actions.json" || status=$?
    python3.11 tests/lint/compile_commands.py "$output_path" <"$SCRATCH/actions.json" \
        >"$SCRATCH/compile_commands.json" || status=$?
    return "$status"
}

# One file a process: clang 14 loses track of va_list from the second file on.
# One line a finding; `clang-tidy -p` with a compile_commands.json tells more.
lint_tidy() {
    local status=0

    write_compile_commands || status=$?
    sed -n 's/^  "file": "\(.*\)",$/\1/p' "$SCRATCH/compile_commands.json" |
        xargs -P "$(nproc)" -n 1 clang-tidy-14 -quiet -p "$SCRATCH" >"$SCRATCH/tidy.log" 2>&1 ||
        status=$?
    grep -E '(error|warning): ' "$SCRATCH/tidy.log" | sort -u
    return "$status"
}

lint_starlark() {
    bazel_files | xargs "$NODE_BIN/buildifier" -mode=check -lint=off
}

lint_shell() {
    scripts | xargs shellcheck -x
}

lint_proto() {
    local buf=(tests/interop/node_modules/@bufbuild/buf-linux-*/bin/buf)

    "${buf[0]}" lint
}

# includes_none_of FOLDER FOLDERS
includes_none_of() {
    local files

    mapfile -t files < <(project_files "$1/*.[ch]")
    ! grep -nE "#[[:space:]]*include[[:space:]]*[<\"]($2)/" /dev/null "${files[@]}"
}

# The process boundary is the folder boundary: neither side knows the other.
lint_boundary() {
    includes_none_of supervisor 'worker|client|tests' &&
        includes_none_of worker 'supervisor|client|tests' &&
        includes_none_of client 'supervisor|worker|tests' &&
        includes_none_of proto 'supervisor|worker|client|tests'
}

# A lock file that names where modules come from binds everybody to one
# registry.
lint_lock() {
    ! grep -n '"resolved"' tests/*/package-lock.json
}

lint() {
    say "lint"
    check "clang-format" lint_format
    check "clang-tidy" lint_tidy
    check "buildifier" lint_starlark
    check "shellcheck" lint_shell
    check "buf lint" lint_proto
    check "supervisor and worker include none of each other" lint_boundary
    check "package-lock.json names no registry" lint_lock
}

# Not a lint: what mends them.
format() {
    c_files | xargs clang-format-14 -i
    bazel_files | xargs "$NODE_BIN/buildifier" -lint=off
}
