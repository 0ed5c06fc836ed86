# shellcheck shell=bash
# What is run in clusters: the image, the manifests, two supervisors with one Redis.

# unpack_image FILE: into $SCRATCH/image, as an engine would.
unpack_image() {
    skopeo copy -q "oci-archive:$1:latest" "oci:$SCRATCH/layout:latest" &&
        umoci unpack --image "$SCRATCH/layout:latest" "$SCRATCH/image" &&
        chmod 755 "$SCRATCH" "$SCRATCH/image"
}

# Whether the image is there; without a network there is none, and no failure.
build_image() {
    local log=$SCRATCH/image.log

    if ! deploy/image/build "$SCRATCH/vivarium.tar" >"$log" 2>&1 </dev/null; then
        if grep -qE 'Could not resolve|Temporary failure|Unable to connect|Failed to fetch' "$log"; then
            tally 0 0 1
            printf '  %sSKIPPED%s the image: no Debian mirror can be reached\n' "$BOLD" "$PLAIN"
        else
            fail "the image" "$log"
        fi
        return 1
    fi
    pass "the image: $(sed -n '$s/.*: //p' "$log")"
    unpack_image "$SCRATCH/vivarium.tar" >"$log" 2>&1 || { fail "unpacking the image" "$log" && false; }
}

# The image under crun, with control groups of version 2.
image_in_guest() {
    local log=$SCRATCH/guest.log status=0 passed failed skipped

    tests/guest/image2.sh "$SCRATCH/image" >"$log" 2>&1 </dev/null || status=$?
    read -r passed failed skipped < <(awk -f tests/steps/count_tap.awk "$log")
    ((status == 0 || failed)) || failed=1
    tally "$passed" "$failed" "$skipped"
    if ((failed)); then
        failed "the image by crun, control groups version 2" "$log"
    elif ((skipped)); then
        printf '  %sSKIPPED%s %s\n' "$BOLD" "$PLAIN" "$(head -n 1 "$log")"
    else
        printf '  %sok%s      the image by crun, control groups version 2 (%d)\n' "$GREEN" "$PLAIN" "$passed"
    fi
}

deploy() {
    local log=$SCRATCH/bazel.log
    local -x VIVARIUMD IMAGE_BUNDLE

    say "deploy: the image and its pods by runc, the manifests, two supervisors with one Redis"
    if ! run_bazel build --noshow_progress //supervisor/service:vivariumd \
        //worker:vivarium-worker >"$log" 2>&1 </dev/null; then
        fail "the build of what deploy needs" "$log"
        return
    fi
    VIVARIUMD=$(bazel_path bazel-bin)/supervisor/service/vivariumd
    interop_suite tests/kubernetes/manifests.test.mjs
    if ! { containers_work && ip netns list; } >"$log" 2>&1; then
        tally 0 0 1
        printf '  %sSKIPPED%s no containers or network namespaces here: %s\n' "$BOLD" "$PLAIN" \
            "$(tail -n 1 "$log")"
        return
    fi
    interop_suite tests/cluster/two.test.mjs
    build_image || return
    IMAGE_BUNDLE=$SCRATCH/image
    interop_suite tests/image/image.test.mjs
    interop_suite tests/image/pod.test.mjs
    image_in_guest
}
