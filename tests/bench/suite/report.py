"""From rounds to figures: what the table, the plots, JSON and the check are made from. Pure."""

from suite import stats


def _ratio(figure, base, series):
    if figure.ratio_series:
        values = [v for v in series.get(figure.ratio_series, []) if v is not None]
    else:
        values = stats.ratios(series.get(figure.series, []), series.get(base.series, []))
    return stats.summary(values) if values else None


def _aim(aim, ratio):
    return {"kind": aim[0], "bound": aim[1], "met": stats.met(aim, ratio["median"])}


def _figure(figure, by_key, series):
    values = [v for v in series.get(figure.series, []) if v is not None]
    if not values:
        return None
    found = {"key": figure.key, "label": figure.label, "unit": figure.unit, "role": figure.role,
             "more_is_better": figure.more_is_better, **stats.summary(values)}
    base = by_key.get(figure.beside)
    ratio = base and _ratio(figure, base, series)
    if ratio:
        found["ratio"] = {"beside": base.key, "beside_label": base.short or base.label,
                          "beside_role": base.role, **ratio}
        if figure.aim:
            found["aim"] = _aim(figure.aim, ratio)
    return found


def section(declared, measured):
    by_key = {figure.key: figure for figure in declared.figures}
    figures = [_figure(figure, by_key, measured["series"]) for figure in declared.figures]
    return {
        "key": declared.key,
        "title": declared.title,
        "note": declared.note,
        "plot": declared.plot,
        "figures": [figure for figure in figures if figure],
        "series": measured["series"],
        "texts": measured["texts"] if declared.text else {},
        "failures": measured["failures"],
        "missing": measured["missing"],
    }


def all_figures(report):
    return [figure for part in report["sections"] for figure in part["figures"]]


def failures(report):
    return [text for part in report["sections"] for text in part["failures"]]
