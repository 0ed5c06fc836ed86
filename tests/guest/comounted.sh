#!/usr/bin/env bash
# Runs programs in the guest, where cpu and cpuacct are one hierarchy of version 1,
# as systemd mounts them.
#
# usage: comounted.sh PROGRAM...
set -euo pipefail

. tests/guest/guest.sh

make_root
for program; do
    copy_program "$program"
done
cat >"$root/run-tests" <<'END'
busybox umount /sys/fs/cgroup
mount -t tmpfs tmpfs /sys/fs/cgroup
for controllers in memory pids cpu,cpuacct; do
    mkdir "/sys/fs/cgroup/$controllers"
    mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers"
done
for program in /tests/*; do run "$program"; done
END
run_guest
