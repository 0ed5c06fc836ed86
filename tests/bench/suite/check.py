"""Ratios held against committed ones. Pure but for the file."""

import fnmatch
import json

from suite.report import all_figures

MARGIN = 0.25

# Of single figures, by key or pattern; the first that fits counts. A p99 of a few
# hundred calls is nearly the worst of them; what is steady has a narrow one.
MARGINS = {"*_p99": 1.0, "cpu_*": 0.03, "memory_*": 0.1}


def margin_of(key, committed):
    for pattern, margin in committed.get("margins", {}).items():
        if fnmatch.fnmatchcase(key, pattern):
            return margin
    return committed["margin"]


def baseline(report, margins):
    """What is committed."""
    ratios = {figure["key"]: round(figure["ratio"]["median"], 4)
              for figure in all_figures(report) if "ratio" in figure}
    return {"machine": report["machine"], "form": report["form"], "margin": MARGIN,
            "margins": margins, "ratios": ratios}


def _worse_by(figure, before):
    """By how much of it: 0.25 is a quarter slower, or a quarter fewer."""
    now = figure["ratio"]["median"]
    theirs = figure["role"] == "peer"
    if theirs and figure["ratio"]["beside_role"] != "ours":
        return 0  # nothing of it is Vivarium's
    return before / now - 1 if theirs or figure["more_is_better"] else now / before - 1


def compare(report, committed):
    """[(figure, ratio before, worse by, margin)], of all that is in both; the worst first."""
    found = []
    for figure in all_figures(report):
        before = committed["ratios"].get(figure["key"])
        if before and "ratio" in figure:
            margin = margin_of(figure["key"], committed)
            found.append((figure, before, _worse_by(figure, before), margin))
    return sorted(found, key=lambda entry: entry[3] - entry[2])


def past(compared):
    return [entry for entry in compared if entry[2] > entry[3]]


def text(compared):
    lines = [
        f"{figure['key']}: {figure['ratio']['median']:.3g} x, committed {before:.3g} x: worse by "
        f"{worse * 100:.0f} %, margin {margin * 100:.0f} %"
        for figure, before, worse, margin in past(compared)
    ]
    return "\n".join(lines or [f"all of {len(compared)} ratios are within their margins"])


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def save(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
