"""A vivariumd in a temporary folder, for one section."""

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile

from suite import machine

VIVARIUMD = "supervisor/service/vivariumd"
WORKER = "worker/vivarium-worker"
VIV = "client/viv/viv"
START_SECONDS = 120
STOP_SECONDS = 120

TENANTS = 1000
SESSIONS = machine.workers_that_fit(1000) + 20  # besides those of growth_bench, warm ones


def _tenants():
    return "tenants:\n" + "".join(f"  - name: t{i}\n" for i in range(TENANTS))


# By name. "plain" is what one gets who starts it without more.
CONFIGS = {
    "plain": "",
    "sessions": f"workers_max: {SESSIONS}\nsessions_max: {SESSIONS}\nsessions_resident: {SESSIONS}\n",
    "tenants": "max_connections: 2048\ntenants_max: 2048\n" + _tenants(),
    "queue": "queue_max: 11000\nmax_streams: 11000\n"
    "tenants:\n"
    "  - name: served\n"
    "  - name: waiting\n"
    "    running: 1\n"
    "    queued: 11000\n",
}


class Failed(Exception):
    pass


def _allowances():
    """What this machine lacks must be allowed to be absent."""
    said = subprocess.run([VIV, "doctor", "--json"], capture_output=True, text=True, check=False)
    return " ".join(re.findall(r"--allow-absent [a-z_]+", said.stdout)).split()


def _start(folder, name):
    config, log = os.path.join(folder, "config.yaml"), os.path.join(folder, "log")
    target = "unix:" + os.path.join(folder, "s")
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIGS[name] + "log_level: warn\n")
    ready, theirs = os.pipe()
    with open(log, "wb") as err:
        daemon = subprocess.Popen(
            [os.path.abspath(VIVARIUMD), "--config", config, "--listen", target, "--worker",
             os.path.abspath(WORKER), "--ready-fd", str(theirs), *_allowances()],
            stdin=subprocess.DEVNULL, stderr=err, pass_fds=[theirs])
    os.close(theirs)
    # End of file without a line: it has ended.
    there = select.select([ready], [], [], START_SECONDS)[0] and os.read(ready, 1)
    os.close(ready)
    if not there:
        daemon.kill()
        daemon.wait()
        with open(log, encoding="utf-8") as file:
            raise Failed("vivariumd did not start: " + file.read()[-500:])
    return daemon, target


@contextlib.contextmanager
def running(name):
    """Its target; None for no name."""
    if name is None:
        yield None
        return
    folder = tempfile.mkdtemp(prefix="viv-bench-")
    daemon = None
    try:
        daemon, target = _start(folder, name)
        yield target
    finally:
        if daemon:
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)
