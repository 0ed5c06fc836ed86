"""What the figures were measured on."""

import os
import platform
import resource
import time

# Of the supervisor, for one worker: with control groups of version 1 most are files there.
DESCRIPTORS_A_WORKER = 20
DESCRIPTORS_OF_ALL = 2000


def _line(path, key):
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith(key):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return "unknown"


def _cgroups():
    """Which version a process here finds: of both, version 1 has the controllers."""
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return "2"
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        return "1" if any(not line.startswith("0:") for line in file) else "none"


def workers_that_fit(most):
    """In the descriptors that a process may have here; in hundreds, `most` at most."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        return most
    return max(100, min(most, (hard - DESCRIPTORS_OF_ALL) // DESCRIPTORS_A_WORKER // 100 * 100))


def describe():
    return {
        "cpu": _line("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": _line("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "cgroups": _cgroups(),
        "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "load_before": round(os.getloadavg()[0], 2),
        "policy": {0: "other", 3: "batch", 5: "idle"}.get(os.sched_getscheduler(0), "another"),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
