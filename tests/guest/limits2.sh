#!/usr/bin/env bash
# Runs the tests of the limits in the guest, with real supervisors and workers,
# so with Python.
#
# usage: limits2.sh WORKER SERVICE_PROGRAM PROGRAM...
#
# The first runs as the only process of a group below the root, as a service
# does, the others in the root group: they may start a second supervisor beside
# them.
set -euo pipefail

. tests/guest/guest.sh

# The interpreter and its library, without what no test imports.
copy_python() {
    local part

    copy_program /usr/bin/python3.11 /usr/bin
    mkdir -p "$root/usr/lib/python3.11" "$root/usr/lib/python3"
    tar -C /usr/lib/python3.11 --exclude=./test --exclude=./idlelib --exclude=./lib2to3 \
        --exclude=./config-3.11-x86_64-linux-gnu --exclude=./ensurepip --exclude=./tkinter \
        --exclude=./pydoc_data --exclude=./dist-packages --exclude=./distutils \
        --exclude=./unittest --exclude=./xml --exclude=./turtledemo \
        -c . | tar -C "$root/usr/lib/python3.11" -x
    for part in /usr/lib/python3.11/lib-dynload/*.so; do
        copy_libraries "$part"
    done
}

make_root
copy_python
copy_program "$1" /tests/worker
copy_program "$1.so" /tests/worker
shift
for program; do
    copy_program "$program"
done
cat >"$root/run-tests" <<END
echo "+memory +pids +cpu" >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/service
cd /tests
export VIV_STORM=8
run sh -c 'echo \$\$ >/sys/fs/cgroup/service/cgroup.procs; exec "\$0"' "/tests/${1##*/}"
for program in $(printf '%s ' "${@:2}"); do
    run "/tests/\${program##*/}"
done
cd /
rmdir /sys/fs/cgroup/service || { echo "not ok 99 - the service's group is left"; result=1; }
END
run_guest
