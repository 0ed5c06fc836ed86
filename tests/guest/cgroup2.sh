#!/usr/bin/env bash
# Runs programs in the guest.
#
# usage: cgroup2.sh SERVICE_PROGRAM [PROGRAM...]
#
# Each runs in the root group. The first then runs again as the only process of
# a group below it, as a service or a container is. (The others may start a
# second supervisor beside them, and for two such a group has no room.)
set -euo pipefail

. tests/guest/guest.sh

make_root
for program; do
    copy_program "$program"
done
cat >"$root/run-tests" <<END
for program in /tests/*; do run "\$program"; done
cd /sys/fs/cgroup
echo "+memory +pids +cpu" >cgroup.subtree_control
mkdir service
run sh -c 'echo \$\$ >service/cgroup.procs; exec "\$0"' "/tests/$(basename "$1")"
rmdir service || { echo "not ok 99 - the service's group is left"; result=1; }
cd /
END
run_guest
