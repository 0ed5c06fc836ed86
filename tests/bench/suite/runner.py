"""Runs a section: its programs in turn, round after round, so that a neighbour's noise meets
all of them alike."""

import importlib.util
import os
import shutil
import subprocess

from suite import daemon
from suite.reading import Unreadable

PROGRAM_SECONDS = 900


class ProgramFailed(Exception):
    pass


def _here(need):
    return shutil.which(need) or importlib.util.find_spec(need)


def _start(words):
    env = dict(os.environ, VIVARIUMD=os.path.abspath(daemon.VIVARIUMD),
               VIVARIUM_WORKER=os.path.abspath(daemon.WORKER))
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=env)


def _end(process, words):
    try:
        out, err = process.communicate(timeout=PROGRAM_SECONDS)
    except subprocess.TimeoutExpired:
        raise ProgramFailed(f"{words[0]} took more than {PROGRAM_SECONDS} s") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode:
        raise ProgramFailed(f"{words[0]}: {(err or out).strip()[-300:]}")
    return out


def _run(program, variables):
    """Its numbers and what it printed. Of several copies, rates add up."""
    words = [word.format(**variables) for word in program.command]
    copies = [_start(words) for _ in range(int(program.copies.format(**variables)))]
    texts = [_end(copy, words) for copy in copies]
    try:
        numbers = [program.read(text) for text in texts]
    except Unreadable as error:
        raise ProgramFailed(f"{words[0]} printed what can't be read: {error}") from None
    total = numbers[0]
    if len(numbers) > 1:
        total = {"rate": sum(n["rate"] for n in numbers)}
    return total, texts[0]


def _round(programs, variables, result):
    """Numbers of programs that failed are absent from this round."""
    numbers = {}
    for program in programs:
        try:
            found, text = _run(program, variables)
        except ProgramFailed as error:
            if str(error) not in result["failures"]:
                result["failures"].append(str(error))
            continue
        numbers.update((f"{program.key}.{name}", value) for name, value in found.items())
        result["texts"][program.key] = text
    return numbers


def _columns(rounds):
    """{series: a value a round, or None}"""
    names = {name for numbers in rounds for name in numbers}
    return {name: [numbers.get(name) for numbers in rounds] for name in sorted(names)}


def measure(section, variables, rounds, tell):
    """{"series": {name: [value a round]}, "texts": ..., "failures": [...], "missing": [...]}"""
    result = {"texts": {}, "failures": [], "missing": []}
    programs = []
    for program in section.programs:
        lacking = [need for need in program.needs if not _here(need)]
        if lacking:
            result["missing"].append(f"{program.key} ({', '.join(lacking)} is not installed)")
        else:
            programs.append(program)
    done = []
    try:
        with daemon.running(section.daemon) as target:
            for number in range(rounds):
                tell(section, number + 1, rounds)
                # To and fro, so that none always comes after the same other.
                order = programs if number % 2 == 0 else programs[::-1]
                done.append(_round(order, dict(variables, target=target), result))
    except daemon.Failed as error:
        result["failures"].append(str(error))
    result["series"] = _columns(done)
    return result
