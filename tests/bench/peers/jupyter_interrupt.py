"""From a kernel's interrupt to its answer: jupyter_interrupt.py CANCELS

A Jupyter kernel runs code that has printed and goes on; it is interrupted as a notebook
does it, by a signal. Prints the median in microseconds for a loop and for a sleep."""

import statistics
import sys
import time

from jupyter_client.manager import KernelManager

CODES = {
    "loop": "print(1, flush=True)\nwhile True: pass",
    "sleep": "import time\nprint(1, flush=True)\ntime.sleep(100)",
}
SECONDS = 60


def until_printed(client):
    while client.get_iopub_msg(timeout=SECONDS)["msg_type"] != "stream":
        pass


def answer(client, message):
    while True:
        reply = client.get_shell_msg(timeout=SECONDS)
        if reply["parent_header"].get("msg_id") == message:
            return reply["content"]


def interrupted(manager, client, code):
    # Else what comes close behind an error is dropped.
    message = client.execute(code, stop_on_error=False)
    until_printed(client)
    time.sleep(0.002)  # well inside, as cancel_bench does it
    began = time.perf_counter_ns()
    manager.interrupt_kernel()
    content = answer(client, message)
    took = (time.perf_counter_ns() - began) / 1000
    if content.get("ename") != "KeyboardInterrupt":
        sys.exit(f"jupyter_interrupt: the kernel answered {content['status']}")
    return took


def main(cancels):
    manager = KernelManager(kernel_name="python3")
    manager.kernel_spec.argv[0] = sys.executable
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=SECONDS)
        for name, code in CODES.items():
            times = [interrupted(manager, client, code) for _ in range(cancels)]
            print(f"{name} {statistics.median(times):.1f}")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


main(int(sys.argv[1]))
