"""bazel run //tests/bench -- [--short] ...: see usage below."""

import argparse
import os
import resource
import signal
import sys

from suite import check, figures, machine, report, runner, table
from suite.daemon import WORKER

USAGE = """Measures what Vivarium costs beside what it can't cost less than, and beside what
people would use instead. Everything in one run, in rounds that take turns."""


def parse(words):
    p = argparse.ArgumentParser(prog="bench", description=USAGE, allow_abbrev=False)
    # Of both the last one counts, so that ./run bench can put its --short first.
    p.add_argument("--full", dest="form", action="store_const", const="full", default="full",
                   help="all figures and the tables of jail, profiles, floods and abuse (the "
                   "default; that of ./run bench is --short)")
    p.add_argument("--short", dest="form", action="store_const", const="short",
                   help="fewer and shorter rounds, and none of those tables")
    p.add_argument("--only", action="append", default=[], metavar="NAME",
                   help="this section; may be repeated")
    p.add_argument("--list", action="store_true", help="name the sections and their figures")
    p.add_argument("--rounds", type=int, metavar="N", help="of every section")
    p.add_argument("--json", metavar="FILE", help="write all rounds, medians and ratios there")
    p.add_argument("--svg", metavar="FILE", help="draw them")
    p.add_argument("--from", dest="earlier", metavar="FILE",
                   help="show what an earlier --json wrote, and measure nothing")
    p.add_argument("--check", nargs="?", const="tests/bench/baseline.json", metavar="FILE",
                   help="end with status 1 where a ratio is worse than in FILE by more than its "
                   "margin; without a FILE: the committed one")
    p.add_argument("--keep", metavar="FILE", help="write such a FILE")
    options = p.parse_args(words)
    unknown = set(options.only) - {section.key for section in figures.SECTIONS}
    if unknown:
        p.error(f"no section {', '.join(sorted(unknown))}; --list names them")
    if options.rounds is not None and options.rounds < 1:
        p.error("--rounds: 1 or more")
    return options


def list_sections():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for section in figures.SECTIONS:
        print(f"{section.key}: {section.title}{' (--full only)' if section.full_only else ''}")
        for figure in section.figures:
            print(f"    {figure.key}")


def chosen(options):
    if options.only:
        return [section for section in figures.SECTIONS if section.key in options.only]
    return [s for s in figures.SECTIONS if options.form == "full" or not s.full_only]


def tell(section, number, rounds):
    print(f"{section.key}: round {number} of {rounds}", file=sys.stderr, flush=True)


def measure(options):
    variables = dict(figures.MEASURES[options.form], worker=os.path.abspath(WORKER),
                     cpus=len(os.sched_getaffinity(0)))
    found = {"form": options.form, "machine": machine.describe(), "sections": []}
    print(table.head(found), flush=True)
    for section in chosen(options):
        rounds = options.rounds or section.rounds.get(options.form, int(variables["rounds"]))
        part = report.section(section, runner.measure(section, variables, rounds, tell))
        found["sections"].append(part)
        print(table.section(part), flush=True)
    print(table.tail(found), flush=True)
    return found


def draw(found, path):
    try:
        from suite import plot
    except ImportError as error:
        sys.exit(f"bench: no plots without python3-matplotlib: {error}")
    plot.draw(found, path)


def where(path):
    """As the user said it, who is not where bazel run starts programs."""
    return os.path.join(os.environ.get("BUILD_WORKING_DIRECTORY", ""), path)


def committed(path):
    """The committed one lies beside these programs, too."""
    return path if os.path.exists(path) else where(path)


def judge(found, path):
    if not os.path.exists(committed(path)):
        print(f"nothing to check against: no {path}; --keep makes one")
        return True
    compared = check.compare(found, check.load(committed(path)))
    print(check.text(compared))
    return bool(check.past(compared))


def raise_descriptors():
    """A thousand sessions and tenants want some thousands."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(words):
    options = parse(words)
    if options.list:
        list_sections()
        return 0
    # So that what was started is ended.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    raise_descriptors()
    if options.earlier:
        found = check.load(where(options.earlier))
        print(table.whole(found))
    else:
        found = measure(options)
    if options.json:
        check.save(where(options.json), found)
    if options.svg:
        draw(found, where(options.svg))
    if options.keep:
        old = where(options.keep)
        margins = check.load(old)["margins"] if os.path.exists(old) else check.MARGINS
        check.save(old, check.baseline(found, margins))
    failed = bool(report.failures(found))
    if options.check:
        failed |= judge(found, options.check)
    return int(failed)


sys.exit(main(sys.argv[1:]))
