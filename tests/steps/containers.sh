# shellcheck shell=bash
# Workers and the daemon in an unprivileged container: an ordinary user, the
# engines' list of system calls, read-only control groups, parts of /proc hidden.

CONTAINER_TESTS=(
    tests/worker/{cancel,degraded,life,values}_test
    tests/e2e/{cancel,crash,drain,errors,output,service,values,viv}_test
)
# What is about the whole jail, or reads files inside.
CONTAINER_TESTS_OPEN=(tests/worker/{jail,tracebacks}_test "${CONTAINER_TESTS[@]}")

CONTAINER_PROGRAMS=(
    client/viv/viv
    supervisor/service/vivariumd supervisor/cgroup/vivarium-cgroup-probe
    worker/vivarium-worker worker/vivarium-worker.so worker/vivarium-probe
)

# fill_project BIN FOLDER: copies, for the user in there reads nobody else's.
fill_project() {
    local program

    for program in "${CONTAINER_PROGRAMS[@]}" "${CONTAINER_TESTS_OPEN[@]}"; do
        mkdir -p "$2/${program%/*}"
        cp -L "$1/$program" "$2/$program" || return
    done
    cp tests/containers/inside.sh "$2"
}

# container WORLD BIN PROGRAM...
container() {
    local world=$1 bin=$2 bundle=$SCRATCH/bundle-$1 log=$SCRATCH/container.log status=0
    local passed failed skipped

    shift 2
    rm -rf "$bundle"
    mkdir -p "$bundle/rootfs/project"
    chmod 755 "$SCRATCH" "$bundle"
    fill_project "$bin" "$bundle/rootfs/project" || return
    python3 tests/containers/bundle.py "$bundle" "$world" ./inside.sh "$@" || return
    timeout 900 runc run --bundle "$bundle" "container-$world-$$" >"$log" 2>&1 </dev/null || status=$?
    read -r passed failed skipped < <(awk -f tests/steps/count_tap.awk "$log")
    ((status == 0 || failed)) || failed=1
    ((passed)) || failed=1
    tally "$passed" "$failed" "$skipped"
    ((skipped == 0)) || printf '  %sSKIPPED%s %d in the container\n' "$BOLD" "$PLAIN" "$skipped"
    if ((failed)); then
        failed "an unprivileged container, $world" "$log"
    else
        printf '  %sok%s      an unprivileged container, %s (%d)\n' "$GREEN" "$PLAIN" "$world" \
            "$passed"
    fi
}

# Whether this machine runs any: it takes root, and what runc wants of it.
containers_work() {
    local bundle=$SCRATCH/bundle-try _

    [[ $EUID -eq 0 ]] || return
    command -v runc >/dev/null || return
    rm -rf "$bundle"
    mkdir -p "$bundle/rootfs/project"
    chmod 755 "$SCRATCH" "$bundle"
    python3 tests/containers/bundle.py "$bundle" open true || return
    # Once more: on a crowded machine runc now and then loses its own child.
    for _ in 1 2 3; do
        timeout 60 runc run --bundle "$bundle" "container-try-$$" </dev/null && return
    done
    return 1
}

containers() {
    local log=$SCRATCH/bazel.log targets=() program bin

    say "an unprivileged container, with user namespaces (open) and without (strict)"
    if ! containers_work >"$log" 2>&1; then
        tally 0 0 1
        printf '  %sSKIPPED%s runc starts no container here: %s\n' "$BOLD" "$PLAIN" \
            "$(tail -n 1 "$log")"
        return
    fi
    for program in "${CONTAINER_PROGRAMS[@]}" "${CONTAINER_TESTS_OPEN[@]}"; do
        targets+=("//${program%/*}:${program##*/}")
    done
    if ! run_bazel build --noshow_progress "${targets[@]}" >"$log" 2>&1 </dev/null; then
        fail "the build of what runs in containers" "$log"
        return
    fi
    bin=$(bazel_path bazel-bin)
    container open "$bin" "${CONTAINER_TESTS_OPEN[@]}"
    container strict "$bin" "${CONTAINER_TESTS[@]}"
}
