# shellcheck shell=bash
# A guest of software emulation that has control groups of version 2, unless a test
# mounts others: Debian's cloud kernel and an initramfs with busybox and what a test
# puts into it. Sourced by the tests of this folder, which put /run-tests into $root;
# its TAP comes through the console.

limit=${limit:-170} # seconds, for all

missing() {
    echo "SKIPPED: $*: other control groups than this machine's are not tested" >&2
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

# copy_libraries FILE...: those that they name.
copy_libraries() {
    local library

    # What is not dynamic names none, which is no failure.
    while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -nL "$library" "$root$library"
    done < <(ldd "$@" 2>/dev/null | grep -o '/[^ :]*\.so[^ :)]*' | sort -u)
}

# copy_program PATH [FOLDER]: with its libraries.
copy_program() {
    mkdir -p "$root${2:-/tests}"
    cp -L "$1" "$root${2:-/tests}/"
    copy_libraries "$1"
}

# Mounts come before the tests. A root that came as an initramfs can't be left by
# pivot_root(2), which jails need; one that is mounted over it can.
write_init() {
    cat >"$root/init" <<'END'
#!/bin/sh
mount --bind / /mnt
cd /mnt
mount --move . /
exec chroot . /init-here
END
    cat >"$root/init-here" <<'END'
#!/bin/sh
cd /
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up 2>/dev/null
export CMOCKA_MESSAGE_OUTPUT=TAP
result=0
run() { echo "# $*"; "$@" || result=1; }
. /run-tests
left=$(find /sys/fs/cgroup -name 'vivarium-*')
[ -z "$left" ] || { echo "not ok 98 - left: $left"; result=1; }
echo "guest result: $result"
poweroff -f
END
    chmod +x "$root/init" "$root/init-here"
}

make_root() {
    local applet

    mkdir -p "$root"/{dev,mnt,proc,sys,tests,tmp,usr/bin,usr/lib,usr/lib64,etc}
    ln -s usr/bin "$root/bin"
    ln -s usr/lib "$root/lib"
    ln -s usr/lib64 "$root/lib64"
    cp /bin/busybox "$root/bin/"
    for applet in sh mount ip poweroff find rmdir mkdir chroot cat; do
        ln -s busybox "$root/bin/$applet"
    done
    write_init
}

# Passes where /run-tests left no failure; what a machine may lack, this one has:
# there a skipped test has failed.
run_guest() {
    local status=0

    (cd "$root" && find . | cpio --quiet -o -H newc) >"$work/initramfs"
    timeout "$limit" qemu-system-x86_64 -accel tcg -m 1536 -smp 2 -nodefaults -no-reboot \
        -display none -serial stdio -kernel "$kernel" -initrd "$work/initramfs" \
        -append "console=ttyS0 quiet panic=-1 loglevel=0" </dev/null >"$work/console" 2>&1 ||
        status=$?
    tr -d '\r' <"$work/console"
    if ((status == 124)); then
        echo "not ok 97 - the guest took more than $limit seconds"
        return 1
    fi
    ! grep -q '# SKIP' "$work/console" || { echo "not ok 96 - skipped in the guest"; return 1; }
    tr -d '\r' <"$work/console" | grep -q '^guest result: 0'
}
