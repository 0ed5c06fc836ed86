"""Processes, one after the other: spawn_loop.py RUNS COMMAND...

Prints a line as execute_bench does: how many, how many a second, p50 and p99 in
microseconds. Nothing is captured of what is started, and no limits are set: that would
cost more."""

import os
import shutil
import sys
import time


def started(path, command):
    begin = time.perf_counter_ns()
    pid = os.posix_spawn(path, command, os.environ)
    status = os.waitpid(pid, 0)[1]
    if status:
        sys.exit(f"{command[0]} ended with status {status}")
    return (time.perf_counter_ns() - begin) / 1000


def main(runs, command):
    path = shutil.which(command[0])
    started(path, command)  # fills caches
    times = sorted(started(path, command) for _ in range(runs))
    print(runs, f"{runs * 1e6 / sum(times):.1f} {times[runs // 2]:.1f} {times[(runs - 1) * 99 // 100]:.1f}")


main(int(sys.argv[1]), sys.argv[2:])
