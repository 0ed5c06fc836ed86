#!/usr/bin/env bash
# The image under crun, in the guest, where control groups are of version 2 as they
# are on the nodes of clusters.
#
# usage: image2.sh IMAGE
#
# IMAGE is what `umoci unpack` made. The flags are those of deploy/kubernetes, so a
# layer that is missing beyond them stops the start.
set -euo pipefail

. tests/guest/guest.sh

limit=400

command -v crun >/dev/null || missing "no crun (apt-get install crun)"

# flags KUSTOMIZATION: what vivariumd may do without there.
flags() {
    grep -oh -- '--allow-absent=[a-z_]*' "deploy/kubernetes/$1"
}

# pod NAME PROFILE CGROUPS FLAG...: the bundles of a supervisor and its clients.
pod() {
    local name=$1 options

    options=$(printf '"profile": "%s", "volumes": [["/shared/%s", "/run/vivarium", "rw"]]' "$2" "$name")
    mkdir -p "$root/shared/$name"
    chown 10001:10001 "$root/shared/$name"
    bundle_in "$name" "{\"path\": \"/$name\", \"version\": 2, \"cgroups\": \"$3\", $options}" \
        "${@:4}" --workers-warm 1 --workers-max 2
    client "$name" run "$options" run -c 'print(6 * 7)'
    client "$name" loop "$options" run --id loop -c 'while True: pass'
    client "$name" cancel "$options" cancel --wait loop
    client "$name" layers "$options" describe --json
    client "$name" memory "$options" run --memory 64M -c 'b = []
while True: b.append(bytearray(1 << 20))'
}

# client POD NAME OPTIONS WORDS...: of viv.
client() {
    bundle_in "$1-$2" "{\"path\": \"/$1-$2\", \"entrypoint\": [\"/usr/bin/viv\"], $3}" "${@:4}"
}

# bundle_in NAME OPTIONS WORDS...: in the guest the image is at /image.
bundle_in() {
    python3 tests/image/bundle.py "$image" "$root/pods/$1" "$2" "${@:3}"
    sed -i "s|\"$image/rootfs\"|\"/image/rootfs\"|" "$root/pods/$1/config.json"
}

image=$(realpath "$1")
make_root
copy_program "$(command -v crun)" /usr/bin
for applet in sleep kill chown grep seq head wc; do
    ln -sf busybox "$root/bin/$applet"
done
mkdir -p "$root/image" "$root/pods"
cp -a "$image/rootfs" "$root/image/"
mapfile -t restricted < <(flags sidecar/deployment.yaml)
mapfile -t namespaces < <(flags sidecar-namespaces/patch.yaml)
mapfile -t cgroups < <(flags sidecar-cgroups/patch.yaml)
pod restricted strict ro "${restricted[@]}"
pod namespaces open ro "${namespaces[@]}"
pod cgroups open rw "${cgroups[@]}"

cat >"$root/run-tests" <<'END'
count=0
check() {
    count=$((count + 1))
    name=$1
    shift
    if "$@" >/tmp/out 2>&1; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name"
        head -n 20 /tmp/out "/tmp/$pod.log"
        result=1
    fi
}
crun="crun --cgroup-manager=cgroupfs"
client() { $crun run --bundle "/pods/$pod-$1" "$pod-$1" </dev/null; }
listens() {
    for i in $(seq 600); do
        [ -S "/shared/$pod/vivarium.sock" ] && return
        kill -0 "$supervisor" 2>/dev/null || return
        sleep 0.1
    done
    return 1
}
answers() { [ "$(client run)" = 42 ]; }
loops() { client loop >/tmp/loop 2>&1; [ $? -eq 130 ]; }
cancels() {
    loops &
    loop=$!
    for i in $(seq 100); do
        client cancel && break
        sleep 0.2
    done
    wait "$loop"
}
limits_by_kernel() {
    client layers >/tmp/layers || return
    if [ "$pod" = cgroups ]; then
        grep -q '"layers":[^]]*cgroup_memory' /tmp/layers && ! grep -q '"absent":[^]]*cgroup_memory' /tmp/layers
    else
        grep -q '"absent":[^]]*cgroup_memory' /tmp/layers
    fi || { head -n 20 /tmp/layers; return 1; }
}
memory() { client memory; status=$?; echo "status $status"; [ $status -eq 137 ] || [ $status -eq 1 ]; }
ends() { $crun kill "$pod" TERM && wait "$supervisor"; }

mkdir -p /run
echo "+memory +pids +cpu" >/sys/fs/cgroup/cgroup.subtree_control
for pod in restricted namespaces cgroups; do
    $crun run --bundle "/pods/$pod" "$pod" </dev/null >"/tmp/$pod.log" 2>&1 &
    supervisor=$!
    check "$pod: it listens" listens
    check "$pod: Execute" answers
    check "$pod: Cancel" cancels
    check "$pod: who limits memory" limits_by_kernel
    check "$pod: too much memory" memory
    check "$pod: SIGTERM, status 0" ends
done
echo "1..$count"
END
run_guest
