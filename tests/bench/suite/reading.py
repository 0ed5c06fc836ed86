"""What the programs print, into dictionaries of numbers. Pure."""

import re


class Unreadable(Exception):
    pass


def _numbers(text):
    return [float(word) for word in re.findall(r"-?\d+(?:\.\d+)?", text)]


def _cells(text):
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def _must(result, text):
    if not result:
        raise Unreadable(text.strip()[:200] or "it said nothing")
    return result


def line(text):
    """execute_bench, grpc_echo, spawn_loop.py: count, rate, p50, p99."""
    found = _numbers(text)
    if len(found) != 4:
        raise Unreadable(text.strip()[:200] or "it said nothing")
    return {"rate": found[1], "p50": found[2], "p99": found[3]}


def clone(text):
    found = {}
    for cells in _cells(text):
        if cells[0] == "whole":
            found = {"p50": float(cells[1]), "p99": float(cells[2])}
    rate = re.search(r"^(\d+) workers per second", text, re.M)
    if rate:
        found["rate"] = float(rate.group(1))
    return _must(found, text)


def cancel(text):
    """cancel_bench: pairs of p50 and p99, a column for each phase."""
    names = {"while True: pass": "loop", "time.sleep(100)": "sleep", "a regular expression": "regex"}
    found = {}
    for cells in _cells(text):
        if cells[0] in names:
            pairs = [_numbers(cell) for cell in cells[1:6]]
            for phase, pair in zip(("flag", "hook", "raised", "unwound", "answer"), pairs):
                if len(pair) == 2:
                    found[f"{names[cells[0]]}_{phase}"] = pair[0]
        elif cells[0] == "an RPC alone":
            found["rpc"] = _numbers(cells[5])[0]
    return _must(found, text)


def pairs(text):
    """Peers: lines of NAME and p50."""
    found = {}
    for words in map(str.split, text.splitlines()):
        if len(words) >= 2:
            found[words[0]] = float(words[1])
    return _must(found, text)


def hook(text):
    found = {}
    for cells in _cells(text):
        if cells[0].endswith(".py"):
            name = cells[0][: -len(".py")]
            found[f"{name}_worker"], found[f"{name}_python"], found[f"{name}_ratio"] = map(
                float, cells[1:4]
            )
    return _must(found, text)


def memory(text):
    """jail_bench, idle_python.py: how many, PSS and private KiB of each."""
    found = {}
    for cells in _cells(text.partition("| idle")[2]):
        if cells[0].isdigit():
            found[f"{cells[0]}_pss"] = float(cells[1])
            found[f"{cells[0]}_private"] = float(cells[2])
    return _must(found, text)


def scope(text):
    """scope_bench: out and in together, by row and tool; rows are numbered."""
    found, row = {}, 0
    for text_line in text.splitlines()[1:]:
        if text_line[:30].strip():
            row += 1
        words = text_line[30:].replace("*", " ").split()
        if len(words) == 5:
            found[f"{row}_{words[0]}"] = float(words[1]) + float(words[2])
    return _must(found, text)


def growth(text):
    """growth_bench: SIZE, p50, p99, and of a queue what one more costs."""
    found = {}
    for words in map(str.split, text.splitlines()):
        if len(words) >= 3:
            found[f"{words[0]}_p50"], found[f"{words[0]}_p99"] = float(words[1]), float(words[2])
        if len(words) == 4:
            found[f"{words[0]}_put"] = float(words[3])
    return _must(found, text)


def nothing(text):
    """A table that is shown as it is."""
    return {}
