#!/usr/bin/env bash
# Runs programs in a guest of software emulation that has control groups of
# version 2: Debian's cloud kernel and an initramfs with busybox and them.
#
# usage: cgroup2.sh SERVICE_PROGRAM [PROGRAM...]
#
# Each runs in the root group. The first then runs again as the only process of
# a group below it, as a service or a container is. (The others may start a
# second supervisor beside them, and for two such a group has no room.) Their TAP
# comes through the console.
set -euo pipefail

limit=170 # seconds, for all

missing() {
    echo "SKIPPED: $*: nothing of control groups version 2 is tested here" >&2
    printf '1..1\nnot ok 1 # SKIP the guest\n'
    exit 0
}

[[ $(uname -m) == x86_64 ]] || missing "this guest is for x86-64"
command -v qemu-system-x86_64 >/dev/null || missing "no qemu (apt-get install qemu-system-x86)"
command -v cpio >/dev/null || missing "no cpio (apt-get install cpio)"
[[ -x /bin/busybox ]] || missing "no busybox (apt-get install busybox-static)"
kernel=$(find /boot -name 'vmlinuz-*cloud-amd64' | sort -V | tail -n 1)
[[ -r $kernel ]] || missing "no kernel (apt-get install linux-image-cloud-amd64)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# copy_program PATH: with the shared libraries that it names.
copy_program() {
    local library

    cp "$1" "$root/tests/"
    ldd "$1" | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
}

write_init() {
    cat >"$root/init" <<'END'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up 2>/dev/null
export CMOCKA_MESSAGE_OUTPUT=TAP
result=0
run() { echo "# $*"; "$@" || result=1; }
for program in /tests/*; do run "$program"; done
cd /sys/fs/cgroup
echo "+memory +pids +cpu" >cgroup.subtree_control
mkdir service
run sh -c 'echo $$ >service/cgroup.procs; exec "$0"' "$(cat /service)"
rmdir service || { echo "not ok 99 - the service's group is left"; result=1; }
left=$(find /sys/fs/cgroup -name 'vivarium-*')
[ -z "$left" ] || { echo "not ok 98 - left: $left"; result=1; }
echo "guest result: $result"
poweroff -f
END
    chmod +x "$root/init"
}

mkdir -p "$root"/{bin,dev,proc,sys,tests,tmp}
cp /bin/busybox "$root/bin/"
for applet in sh mount ip poweroff find rmdir mkdir; do
    ln -s busybox "$root/bin/$applet"
done
for program; do
    copy_program "$program"
done
echo "/tests/$(basename "$1")" >"$root/service"
write_init
(cd "$root" && find . | cpio --quiet -o -H newc) >"$work/initramfs"

status=0
timeout "$limit" qemu-system-x86_64 -accel tcg -m 1024 -smp 2 -nodefaults -no-reboot \
    -display none -serial stdio -kernel "$kernel" -initrd "$work/initramfs" \
    -append "console=ttyS0 quiet panic=-1 loglevel=0" </dev/null >"$work/console" 2>&1 || status=$?
tr -d '\r' <"$work/console"
if ((status == 124)); then
    echo "not ok 97 - the guest took more than $limit seconds"
    exit 1
fi
# What a machine may lack, this one has: there a skipped test has failed.
! grep -q '# SKIP' "$work/console" || { echo "not ok 96 - skipped in the guest"; exit 1; }
tr -d '\r' <"$work/console" | grep -q '^guest result: 0'
