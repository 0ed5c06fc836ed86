"""Medians, spreads and ratios of rounds. Pure."""


def quantile(values, p):
    """Between two values: as far between them as p is."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * p
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def summary(values):
    return {
        "median": quantile(values, 0.5),
        "p25": quantile(values, 0.25),
        "p75": quantile(values, 0.75),
        "rounds": len(values),
    }


def ratios(over, under):
    """Each formed within a round, so that what slows a round slows both. A round that has
    only one of them (None) has no ratio."""
    return [a / b for a, b in zip(over, under) if a is not None and b]


def met(aim, value):
    """aim: ("at most" or "at least", bound)"""
    kind, bound = aim
    return value <= bound if kind == "at most" else value >= bound
