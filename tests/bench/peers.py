"""What people start for each piece of code, beside an Execute, in one run.

    peers.py TARGET EXECUTE_BENCH ROUNDS

Rounds are interleaved, so that a neighbour's noise meets all rows alike; each figure is
the median of its rounds, ratios are formed within a round. Nothing is captured of what is
started here, and no limits are set: that would cost these rows more.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time

PYTHON = "/usr/bin/python3.11"
RUNS = 40
BWRAP = (
    "bwrap --unshare-all --die-with-parent --new-session --ro-bind /usr /usr --symlink usr/lib /lib "
    "--symlink usr/lib64 /lib64 --proc /proc --dev /dev --tmpfs /tmp --clearenv"
).split()
ROWS = {
    "python3.11 -I -S -c pass": [PYTHON, "-I", "-S", "-c", "pass"],
    "python3.11 -c pass": [PYTHON, "-c", "pass"],
    "bubblewrap, all namespaces, + python3.11 -I -S": [*BWRAP, PYTHON, "-I", "-S", "-c", "pass"],
}


def started(command):
    """p50 and p99 in microseconds of RUNS processes, one after the other."""
    times = []
    path = shutil.which(command[0])
    for _ in range(RUNS):
        begin = time.perf_counter_ns()
        pid = os.posix_spawn(path, command, os.environ)
        _, status = os.waitpid(pid, 0)
        times.append((time.perf_counter_ns() - begin) / 1000)
        if status:
            sys.exit(f"{command[0]} ended with status {status}")
    times.sort()
    return times[len(times) // 2], times[-1]


def executed(target, program):
    words = subprocess.run(
        [program, target, "1", "2"], capture_output=True, text=True, check=True
    ).stdout.split()
    return float(words[2]), float(words[3])


def main(target, program, rounds):
    rows = {name: command for name, command in ROWS.items() if shutil.which(command[0])}
    measured = {name: [] for name in ["Execute", *rows]}
    for _ in range(rounds):
        measured["Execute"].append(executed(target, program))
        for name, command in rows.items():
            measured[name].append(started(command))
    print("| a process for each piece of code     | p50, us | of an Execute |")
    print("|---|--:|--:|")
    for name, figures in measured.items():
        p50 = statistics.median(f[0] for f in figures)
        ratio = statistics.median(f[0] / e[0] for f, e in zip(figures, measured["Execute"]))
        print(f"| {name} | {p50:.0f} | {ratio:.1f} x |")
    missing = ROWS.keys() - rows.keys()
    if missing:
        print("\nnot here: " + ", ".join(sorted(missing)))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
