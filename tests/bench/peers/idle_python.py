"""What an interpreter of its own holds while it waits: idle_python.py COUNT

Prints a table as jail_bench does, of COUNT processes that are there at the same time."""

import subprocess
import sys

PYTHON = "/usr/bin/python3.11"
WAIT = "import sys, json, re; print('ready', flush=True); sys.stdin.read()"


def rollup(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        fields = dict(line.split(":") for line in file if ":" in line and "-" not in line.split()[0])
    return [int(fields[name].split()[0]) for name in ("Pss", "Private_Dirty")]


def main(count):
    processes = [
        subprocess.Popen([PYTHON, "-I", "-S", "-c", WAIT], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    for process in processes:
        process.stdout.readline()
    held = [rollup(process.pid) for process in processes]
    for process in processes:
        process.communicate()
    pss, private = (sum(column) // count for column in zip(*held))
    print("| idle pythons | PSS each, KiB | private each, KiB |\n|---|---|---|")
    print(f"| {count} | {pss} | {private} |")


main(int(sys.argv[1]))
