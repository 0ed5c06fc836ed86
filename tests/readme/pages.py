"""Runs what a page of docs/ says, as a reader would who types all of it, in order.

    pages.py PAGE

Fenced blocks by their info string:
  sh         commands; all must succeed
  console    "$ command" and what it prints; "..." stands for anything, and alone on
             a line for any lines. Its status is not looked at
  LANG FILE  goes into that file
  text       is not run
Any other block, and one that is only indented, fails the page: nothing would run it.
Prints TAP, a case for each block.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

LIMIT_SECONDS = 300
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)

PREAMBLE = """set -e -o pipefail
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
answers() { for _ in $(seq 600); do viv describe && return; sleep 0.1; done >/dev/null 2>&1; }
reloaded() { for _ in $(seq 600); do grep '"event":"reloaded"' *.log && return; sleep 0.1; done; }
"""


class Page:
    def __init__(self, text):
        self.steps = []  # (title, lines of shell, expected output or None)
        self.wrong = []
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            self.block(f"line {line}", match[1].split(), match[2])
        for match in re.finditer(r"\n\n {4}\S.*", FENCE.sub("", text)):
            self.wrong.append(f"a block that nothing runs: {match[0].strip()}")

    def block(self, where, info, body):
        if info == ["text"]:
            return
        if info == ["sh"]:
            self.steps.append((where, body + self.patience(body), None))
        elif info == ["console"]:
            self.console(where, body)
        elif len(info) == 2:
            write = f"cat >'{info[1]}' <<'END OF FILE'\n{body}END OF FILE\n"
            self.steps.append((f"{where}, {info[1]}", write, None))
        else:
            self.wrong.append(f"{where}: a block that nothing runs")

    @staticmethod
    def patience(body):
        """A reader takes longer to type the next command than a daemon to start, or to reload."""
        lines = body.replace("\\\n", "")
        waits = "answers\n" if re.search(r"^vivariumd .*&$", lines, re.M) else ""
        return waits + ("reloaded\n" if re.search(r"^kill -HUP ", lines, re.M) else "")

    def console(self, where, body):
        for part in re.split(r"^\$ ", body, flags=re.M)[1:]:
            command, _, expected = part.partition("\n")
            while command.count("'") % 2:  # goes on in the next line
                more, _, expected = expected.partition("\n")
                command += "\n" + more
            title = command.partition("\n")[0]
            self.steps.append((f"{where}, {title}", f"( set +e; {command}\n) || true\n", expected))


def fits(expected, printed):
    pattern = ""
    for line in expected.strip().split("\n"):
        if line.strip() == "...":
            pattern += r"(.*\n)*"
        else:
            pattern += re.escape(line).replace(r"\.\.\.", ".*") + "\n"
    return re.fullmatch(pattern, printed.strip() + "\n") is not None


def script(page, folder):
    yield PREAMBLE
    for number, (_, commands, _) in enumerate(page.steps):
        yield f"exec >{folder}/out.{number} 2>&1\n{commands}touch {folder}/done.{number}\n"


def run(page, folder, env):
    work = folder / "home"
    shutil.copytree(env["CHECKOUT"], work)
    env = {**env, "HOME": str(work), "XDG_RUNTIME_DIR": str(work)}
    process = subprocess.Popen(
        ["bash", "-c", "".join(script(page, folder))],
        cwd=work, env=env, stdin=subprocess.DEVNULL, start_new_session=True,
    )
    try:
        process.wait(LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def judge(page, folder):
    """Yields (title, what is wrong or None)."""
    for problem in page.wrong:
        yield problem, "it is neither sh, console, text nor a file"
    for number, (title, _, expected) in enumerate(page.steps):
        out = folder / f"out.{number}"
        printed = out.read_text(errors="replace") if out.exists() else "(not reached)"
        if not (folder / f"done.{number}").exists():
            yield title, printed
        elif expected is not None and not fits(expected, printed):
            yield title, f"expected:\n{expected}\nprinted:\n{printed}"
        else:
            yield title, None


def main(path):
    page = Page(pathlib.Path(path).read_text())
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        run(page, folder, dict(os.environ))
        results = list(judge(page, folder))
    for number, (title, problem) in enumerate(results, 1):
        print(f"{'not ok' if problem else 'ok'} {number} - {os.path.basename(path)}: {title}")
        if problem:
            failures += 1
            print("\n".join("# " + line for line in problem.splitlines()))
    print(f"1..{len(results)}")
    return 1 if failures or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
