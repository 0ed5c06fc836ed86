"""The report as markdown that is also readable in a terminal. Pure."""

from suite.report import all_figures, failures


def number(value):
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(value):
    return f"{value:.3f}" if 0.9 < value < 1.1 else number(value)


def _spread(of, form):
    return f"{form(of['p25'])} - {form(of['p75'])}"


def aim_text(aim):
    return f"{aim['kind']} {aim['bound']:g}: {'met' if aim['met'] else 'not met'}"


def grid(head, rows, right):
    """`right`: the columns that are set to the right."""
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]

    def line(cells):
        return "| " + " | ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(cells, widths))) + " |"

    rule = "|" + "|".join(
        "-" * (width + 1) + (":" if i in right else "-") for i, width in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


def _row(figure):
    ratio = figure.get("ratio")
    return [
        figure["label"],
        {"ours": "", "limit": "limit", "peer": "instead"}[figure["role"]],
        f"{number(figure['median'])} {figure['unit']}",
        _spread(figure, number),
        f"{times(ratio['median'])} x" if ratio else "",
        _spread(ratio, times) if ratio else "",
        ratio["beside_label"].strip() if ratio else "",
        aim_text(figure["aim"]) if "aim" in figure else "",
    ]


HEAD = ["figure", "", "median", "p25 - p75", "ratio", "p25 - p75", "to", "aim"]


def section(part):
    lines = [f"## {part['title']}", ""]
    if part["figures"]:
        lines += [grid(HEAD, [_row(figure) for figure in part["figures"]], {2, 3, 4, 5}), ""]
    for text in part["texts"].values():
        lines += [text.rstrip(), ""]
    if part["note"]:
        lines += [part["note"], ""]
    lines += [f"Not here: {text}." for text in part["missing"]]
    lines += [f"FAILED: {text}" for text in part["failures"]]
    return "\n".join(lines).rstrip() + "\n"


def aims(report):
    rows = [
        [figure["label"].strip(), figure["ratio"]["beside_label"].strip(),
         f"{times(figure['ratio']['median'])} x", _spread(figure["ratio"], times),
         f"{figure['aim']['kind']} {figure['aim']['bound']:g}",
         "met" if figure["aim"]["met"] else "not met"]
        for figure in all_figures(report) if "aim" in figure
    ]
    return grid(["figure", "to", "ratio", "p25 - p75", "aim", ""], rows, {2, 3}) if rows else ""


def head(report):
    machine = report["machine"]
    text = (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}, Linux "
            f"{machine['kernel']}, control groups: {machine['cgroups']}; {machine['date']}, load "
            f"before {machine['load_before']}")
    if machine["policy"] != "other":
        text += f"; scheduled as \"{machine['policy']}\""
    return (f"# Vivarium beside its limits: the {report['form']} form\n\n{text}.\n\nMedians of "
            "interleaved rounds with their quartiles; ratios are formed within a round. Compare the "
            "ratios of one table, not the microseconds of two.\n")


def tail(report):
    text = aims(report)
    lines = ["## Aims", "", text, ""] if text else []
    lines += [f"FAILED: {failure}" for failure in failures(report)]
    return "\n".join(lines)


def whole(report):
    return "\n".join([head(report), *map(section, report["sections"]), tail(report)])
