"""From a pool's cancel to the process gone, and to the next answer: pebble_cancel.py CANCELS

pebble kills the worker and starts another. Prints the medians in microseconds."""

import multiprocessing
import os
import select
import statistics
import sys
import time

from pebble import ProcessPool


def loop(pipe):
    pipe.send(os.getpid())
    while True:
        pass


def nothing():
    return 1


def cancelled(pool, context):
    ours, theirs = context.Pipe()
    future = pool.schedule(loop, args=[theirs])
    process = os.pidfd_open(ours.recv())
    time.sleep(0.002)  # well inside, as cancel_bench does it
    began = time.perf_counter_ns()
    future.cancel()
    after = pool.schedule(nothing)
    select.select([process], [], [])
    gone = time.perf_counter_ns() - began
    after.result()
    answered = time.perf_counter_ns() - began
    os.close(process)
    return gone / 1000, answered / 1000


def main(cancels):
    context = multiprocessing.get_context("fork")
    with ProcessPool(max_workers=1, context=context) as pool:
        times = [cancelled(pool, context) for _ in range(cancels)]
        pool.stop()
    for name, column in zip(("gone", "next"), zip(*times)):
        print(f"{name} {statistics.median(column):.1f}")


main(int(sys.argv[1]))
