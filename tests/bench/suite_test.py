"""Medians, ratios, what the programs print, tables, the check. Says TAP."""

import sys

from suite import check, figures, reading, report, stats, table
from suite.model import LIMIT, PEER, Figure, Section


def near(a, b):
    return abs(a - b) < 1e-9


def median_is_in_the_middle():
    assert stats.quantile([3, 1, 2], 0.5) == 2
    assert near(stats.quantile([1, 2, 3, 4], 0.5), 2.5)
    assert near(stats.quantile([10, 20, 30, 40, 50], 0.25), 20)
    assert stats.quantile([7], 0.75) == 7
    assert stats.summary([5, 1, 3]) == {"median": 3, "p25": 2, "p75": 4, "rounds": 3}


def ratios_are_formed_within_a_round():
    # A round that is ten times as slow for both changes nothing.
    assert stats.ratios([2, 40, 6], [1, 20, 3]) == [2, 2, 2]
    assert stats.ratios([2, None, 6], [1, 20, None]) == [2]


def an_aim_is_met_up_to_its_bound():
    assert stats.met(("at most", 4), 4) and not stats.met(("at most", 4), 4.01)
    assert stats.met(("at least", 0.85), 0.85) and not stats.met(("at least", 0.85), 0.84)


def lines_are_read():
    assert reading.line("812 811.5 612.0 1400.2\n") == {"rate": 811.5, "p50": 612, "p99": 1400.2}
    assert reading.growth("10 99.5 120.0\n100 101.0 130.0 7.5\n") == {
        "10_p50": 99.5, "10_p99": 120, "100_p50": 101, "100_p99": 130, "100_put": 7.5}
    assert reading.pairs("loop 12.5\nsleep 3\n") == {"loop": 12.5, "sleep": 3}


def tables_are_read():
    found = reading.clone("| whole                |      1200 |      2400 |\n"
                          "812 workers per second, one after the other (500)\n")
    assert found == {"p50": 1200, "p99": 2400, "rate": 812}
    row = "| time.sleep(100)      |      12      30 |   90 100 | 200 210 | 290 300 | 500 900 |      0 |"
    found = reading.cancel(row + "\n| an RPC alone         |  |  |  |  |  80  99 |        |\n")
    assert found["sleep_unwound"] == 290 and found["sleep_answer"] == 500 and found["rpc"] == 80
    assert reading.hook("| nbody.py | 101.0 | 100.0 | 1.009 |") == {
        "nbody_worker": 101, "nbody_python": 100, "nbody_ratio": 1.009}
    text = "| worker | x |\n| 1 | 2 | 3 |\n\n| idle workers | PSS each |\n|---|---|---|\n| 10 | 500 | 300 |"
    assert reading.memory(text) == {"10_pss": 500, "10_private": 300}
    text = (f"{'':30} {'':12} out in bytes ratio\n{'ints':30} {'vivarium':11}  1.00 2.50 810 1.00\n"
            f"{'':30} {'pickle':11}  fails\n{'functions':30} {'vivarium':11}  4.00 4.00 81 1.00\n"
            f"{'':30} {'pickle':11}* 5.00 5.00 81 1.25\n")
    assert reading.scope(text) == {"1_vivarium": 3.5, "2_vivarium": 8, "2_pickle": 10}


def what_cant_be_read_is_no_figure():
    for read, text in ((reading.line, ""), (reading.line, "1 2"), (reading.clone, "failed"),
                       (reading.cancel, ""), (reading.growth, "x"), (reading.memory, "| 10 | 1 | 2 |")):
        try:
            read(text)
        except reading.Unreadable:
            continue
        raise AssertionError(f"{read.__name__} read {text!r}")


def sample(ours=(4, 40, 8), echo=(1, 10, 2)):
    """A report of one section."""
    declared = Section("s", "Title", (), (
        Figure("echo", "the echo", "e.p50", "us", LIMIT),
        Figure("ours", "Execute", "x.p50", "us", beside="echo", aim=("at most", 4)),
        Figure("rate", "rate", "x.rate", "/s", beside="echo", more_is_better=True),
        Figure("gone", "of a program that failed", "y.p50", "us"),
    ))
    measured = {"series": {"e.p50": list(echo), "x.p50": list(ours), "x.rate": list(ours)},
                "texts": {}, "failures": ["y failed"], "missing": ["z (z is not installed)"]}
    return {"form": "short", "machine": {}, "sections": [report.section(declared, measured)]}


def a_report_has_medians_ratios_and_aims():
    echo, ours, _ = sample()["sections"][0]["figures"]
    assert "ratio" not in echo and echo["median"] == 2
    assert ours["median"] == 8 and ours["ratio"]["median"] == 4 and ours["aim"]["met"]
    assert not sample((5, 50, 10))["sections"][0]["figures"][1]["aim"]["met"]
    assert report.failures(sample()) == ["y failed"]


def a_table_shows_them_side_by_side():
    text = table.section(sample()["sections"][0])
    row = next(line for line in text.splitlines() if line.startswith("| Execute"))
    for word in ("8.00 us", "4.00 x", "the echo", "at most 4: met"):
        assert word in row, row
    assert "Not here: z" in text and "FAILED: y failed" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1, "the columns are not in line"
    assert "not met" in table.aims(sample((5, 50, 10)))


def numbers_have_three_digits():
    assert [table.number(v) for v in (12345.6, 45.67, 4.567)] == ["12,346", "45.7", "4.57"]
    assert [table.times(v) for v in (1.0083, 4.567)] == ["1.008", "4.57"]


def the_check_sees_what_got_worse():
    committed = check.baseline(sample(), {})
    assert committed["ratios"]["ours"] == 4
    for factor, fails in ((1, 0), (1.2, 0), (1.3, 1), (0.5, 1)):
        now = sample([value * factor for value in (4, 40, 8)])
        past = check.past(check.compare(now, committed))
        assert len(past) == fails, (factor, past)
    worse = check.compare(sample((8, 80, 16)), committed)[0]
    assert worse[0]["key"] == "ours" and near(worse[2], 1)
    assert "worse by 100 %" in check.text([worse])


def a_peer_that_was_beaten_by_more_is_worse():
    declared = Section("s", "", (), (
        Figure("ours", "", "o.ms", "ms"), Figure("theirs", "", "t.ms", "ms", PEER, beside="ours"),
        Figure("echo", "", "e.ms", "ms", LIMIT), Figure("alone", "", "t.ms", "ms", PEER, beside="echo")))

    def taken(ours, theirs):
        measured = {"series": {"o.ms": [ours], "t.ms": [theirs], "e.ms": [1]}, "texts": {},
                    "failures": [], "missing": []}
        return {"form": "", "machine": {}, "sections": [report.section(declared, measured)]}

    committed = check.baseline(taken(10, 100), {})
    past = check.past(check.compare(taken(20, 100), committed))
    assert [entry[0]["key"] for entry in past] == ["theirs"]
    assert not check.past(check.compare(taken(10, 1000), committed))


def a_figures_own_margin_goes_before():
    committed = check.baseline(sample(), {"our*": 2, "rate": 0.1})
    assert [check.margin_of(key, committed) for key in ("ours", "rate", "gone")] == [2, 0.1, 0.25]
    assert check.margin_of("execute_p99", check.baseline(sample(), check.MARGINS)) == 1
    assert not check.past(check.compare(sample((8, 80, 16)), committed))
    assert check.past(check.compare(sample((3.5, 35, 7)), committed))[0][0]["key"] == "rate"


def figures_are_declared_in_order():
    keys = [figure.key for section in figures.SECTIONS for figure in section.figures]
    assert len(keys) == len(set(keys))
    for section in figures.SECTIONS:
        programs = {program.key for program in section.programs}
        own = {figure.key for figure in section.figures}
        for figure in section.figures:
            assert figure.series.partition(".")[0] in programs, figure.key
            assert figure.beside is None or figure.beside in own, figure.key
            assert figure.aim is None or figure.beside, figure.key
        variables = dict(figures.MEASURES["short"], target="t", worker="w", cpus=2)
        for program in section.programs:
            for word in program.command:
                word.format(**variables)
    assert figures.MEASURES["short"].keys() == figures.MEASURES["full"].keys()


def main():
    cases = [value for value in globals().values()
             if callable(value) and getattr(value, "__module__", "") == "__main__"
             and value not in (main, near, sample)]
    failed = 0
    for number, case in enumerate(cases, 1):
        try:
            case()
            print(f"ok {number} - {case.__name__}")
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {case.__name__}: {type(error).__name__} {error}")
    print(f"1..{len(cases)}")
    sys.exit(1 if failed else 0)


main()
