"""One page of plots: bars with the quartiles as whiskers, and what they are held against
in another colour; lines where something grows. Needs python3-matplotlib."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402

from suite.table import number, times  # noqa: E402

COLOURS = {"ours": "#2a6f97", "limit": "#9aa5b1", "peer": "#d98c3f"}
NAMES = {"ours": "Vivarium", "limit": "its limit", "peer": "what people would use instead"}
AIM = "#b5179e"
# Inches: a bar, around a plot, the page's head; one of the two columns, left and
# right of its bars.
ROW, LINES_HEIGHT = 0.22, 1.9
ABOVE, BELOW, HEAD = 0.5, 0.5, 1.1
COLUMN, LABELS, VALUES = 9.4, 3.4, 2.5
WIDTH = 2 * COLUMN + 0.2


def _bars(axis, part):
    figures = part["figures"]
    by_key = {figure["key"]: figure for figure in figures}
    for place, figure in enumerate(figures):
        middle, low, high = figure["median"], figure["p25"], figure["p75"]
        axis.barh(place, middle, color=COLOURS[figure["role"]], height=0.72)
        axis.errorbar(middle, place, xerr=[[middle - low], [high - middle]], color="#333333",
                      linewidth=1, capsize=2)
        axis.text(1.01, place, _words(figure), transform=axis.get_yaxis_transform(), va="center",
                  fontsize=7)
        _mark_aim(axis, place, figure, by_key)
    axis.set_yticks(range(len(figures)), [figure["label"].strip() for figure in figures], fontsize=7)
    axis.set_ylim(len(figures) - 0.4, -0.6)
    _scale(axis, figures)


def _words(figure):
    text = f"{number(figure['median'])} {figure['unit']}"
    if "ratio" in figure:
        text += f", {times(figure['ratio']['median'])} x"
    if "aim" in figure:
        text += f" ({figure['aim']['kind']} {figure['aim']['bound']:g})"
    return text


def _mark_aim(axis, place, figure, by_key):
    """Where the bar would end if the aim were just met."""
    if "aim" in figure:
        at = by_key[figure["ratio"]["beside"]]["median"] * figure["aim"]["bound"]
        axis.plot([at, at], [place - 0.45, place + 0.45], color=AIM, linewidth=2)


def _scale(axis, figures):
    """Logarithmic where the figures are tens of times apart."""
    values = [figure["median"] for figure in figures]
    if max(values) > 20 * min(values):
        axis.set_xscale("log")
        axis.set_xlim(left=min(figure["p25"] for figure in figures) / 2)
    else:
        axis.set_xlim(left=0)
    units = {figure["unit"] for figure in figures}
    axis.set_xlabel(", ".join(sorted(units)), fontsize=7)
    axis.grid(axis="x", color="#dddddd", linewidth=0.5)
    axis.set_axisbelow(True)


def _lines(axis, part):
    """The keys end with the size."""
    figures = part["figures"]
    sizes = [int(figure["key"].rpartition("_")[2]) for figure in figures]
    around = [[f["median"] - f["p25"] for f in figures], [f["p75"] - f["median"] for f in figures]]
    _bound(axis, figures, max(sizes))
    axis.errorbar(sizes, [figure["median"] for figure in figures], yerr=around,
                  color=COLOURS["ours"], marker="o", markersize=4, linewidth=1.2, capsize=2)
    for size, figure in zip(sizes, figures):
        axis.annotate(number(figure["median"]), (size, figure["p75"]), fontsize=7, xytext=(0, 6),
                      textcoords="offset points", ha="center",
                      bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5})
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(lambda size, _: f"{size:,.0f}")
    axis.margins(x=0.06)
    axis.set_ylim(0, axis.get_ylim()[1] * 1.2)
    axis.set_ylabel(figures[0]["unit"], fontsize=7)
    axis.set_xlabel(figures[0]["label"].strip().partition(" ")[2].strip(), fontsize=7)
    axis.grid(color="#dddddd", linewidth=0.5)
    axis.set_axisbelow(True)


def _bound(axis, figures, most):
    by_key = {figure["key"]: figure for figure in figures}
    for figure in figures:
        if "aim" in figure:
            at = by_key[figure["ratio"]["beside"]]["median"] * figure["aim"]["bound"]
            axis.plot([10, most], [at, at], color=AIM, linewidth=1.2, linestyle="--")
            axis.text(1.01, at, f"{figure['aim']['bound']:g} times that with 10", fontsize=7,
                      va="center", transform=axis.get_yaxis_transform())


def _height(part):
    inside = LINES_HEIGHT if part["plot"] == "lines" else ROW * len(part["figures"])
    return inside + ABOVE + BELOW


def _tall(parts):
    return sum(map(_height, parts))


def _columns(parts):
    """In order, and cut where the longer one is shortest."""
    cut = min(range(len(parts) + 1), key=lambda i: max(_tall(parts[:i]), _tall(parts[i:])))
    return parts[:cut], parts[cut:]


def _column(page, parts, x, height):
    """`x` and `top`: inches from the page's lower left corner."""
    top = height - HEAD
    for part in parts:
        inside = _height(part) - ABOVE - BELOW
        axis = page.add_axes([(x + LABELS) / WIDTH, (top - ABOVE - inside) / height,
                              (COLUMN - LABELS - VALUES) / WIDTH, inside / height])
        page.text((x + 0.2) / WIDTH, (top - ABOVE + 0.12) / height, part["title"], fontsize=10,
                  weight="bold")
        (_lines if part["plot"] == "lines" else _bars)(axis, part)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
        top -= _height(part)


def _head(page, report, height):
    machine = report["machine"]
    page.text(0.2 / WIDTH, 1 - 0.4 / height, "Vivarium beside its limits", fontsize=15,
              weight="bold")
    page.text(0.2 / WIDTH, 1 - 0.65 / height, f"{machine['cpu']}, {machine['cores']} cores, Linux "
              f"{machine['kernel']}, {machine['date']}; medians of interleaved rounds, whiskers from "
              "p25 to p75; ratios are formed within a round", fontsize=8)
    handles = [Patch(color=COLOURS[role], label=NAMES[role]) for role in COLOURS]
    handles.append(Patch(color=AIM, label="where the aim would just be met"))
    page.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.1 / WIDTH, 1 - 0.7 / height),
                ncol=4, fontsize=8, frameon=False)


def draw(report, path):
    columns = _columns([part for part in report["sections"] if part["figures"]])
    height = HEAD + max(map(_tall, columns))
    plt.rcParams.update({"svg.hashsalt": "vivarium", "xtick.labelsize": 7, "ytick.labelsize": 7})
    page = plt.figure(figsize=(WIDTH, height))
    for number, parts in enumerate(columns):
        _column(page, parts, number * COLUMN, height)
    _head(page, report, height)
    page.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None)
    plt.close(page)
