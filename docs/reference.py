"""Writes docs/api/ from the .proto files and the public headers: their comments are the
reference, this only lays them out.

    reference.py FOLDER    from the root of the repository
"""

import pathlib
import re
import sys

HEADERS = {
    "client": ["client/vivarium_client.h", "client/vivarium_scope.h", "client/vivarium_value.h"],
    "supervisor": ["supervisor/vivarium.h"],
}
ERRORS = "proto/vivarium_error.h"
PROTOS = ["proto/vivarium/v1/vivarium.proto", "proto/vivarium/v1/scope.proto"]


def prose(lines):
    """A comment as Markdown: what is set in by two spaces or more stays as it stands."""
    out = []
    for line in lines:
        indented = line.startswith("  ") and line.strip()
        if indented and not (out and out[-1].startswith("    ")) and out and out[-1]:
            out.append("")
        if not indented and line and out and out[-1].startswith("    "):
            out.append("")
        out.append("    " + line[2:] if indented else re.sub(r"([*<])", r"\\\1", line))
    return "\n".join(out).strip("\n")


# ---- .proto ----


def cell(lines):
    return " ".join(line.strip() for line in lines).replace("|", "\\|").replace("<", "\\<")


class Proto:
    """One file. buf's style: a line an element, its comment above it or behind it."""

    def __init__(self, path):
        self.out, self.comment, self.rows, self.path = [], [], [], []
        self.inside = []
        statement = ""
        for line in pathlib.Path(path).read_text().splitlines():
            code, _, comment = line.strip().partition("//")
            if not code:
                self.note(comment if line.strip() else None)
                continue
            statement = f"{statement} {code.strip()}".strip()
            if statement.endswith((";", "{", "}")):
                self.element(statement, comment)
                statement = ""

    def note(self, comment):
        if comment is None:
            if not self.inside and self.comment:
                self.comment.append(None)
        else:
            self.comment.append(comment[1:] if comment.startswith(" ") else comment)

    def take(self, behind):
        """The comment of this element: what stands above it without a blank line between."""
        above = [c for c in self.comment]
        while None in above:
            above = above[above.index(None) + 1 :]
        self.comment = []
        return above + ([behind.strip()] if behind else [])

    def element(self, code, behind):
        if code.startswith("syntax"):
            self.out += [prose([c or "" for c in self.comment]), ""]
            self.comment = []
            return
        comment = self.take(behind)
        if opened := re.match(r"(service|message|enum|oneof) (\w+) \{$", code):
            self.open(opened[1], opened[2], comment)
        elif empty := re.match(r"(message|enum) (\w+) \{\}$", code):
            self.out += [f"### {empty[2]}", "", prose(comment), ""]
        elif code == "}":
            self.close()
        elif rpc := re.match(r"rpc (\w+)\((.*?)\) returns \((.*?)\);?", code):
            self.out += [f"### {rpc[1]}", "", f"`{rpc[2]}` to `{rpc[3]}`", "", prose(comment), ""]
        elif field := re.match(r"(?:(.+) )?(\w+) = (\d+)(?: \[.*\])?;$", code):
            if self.inside and self.inside[-1][0] == "oneof":
                comment = [f"One of `{self.inside[-1][1]}`."] + comment
            kind = f"`{field[1]}`" if field[1] else ""
            self.rows.append(f"| `{field[2]}` | {kind} | {field[3]} | {cell(comment)} |")

    def open(self, kind, name, comment):
        self.inside.append((kind, name))
        if kind == "oneof":
            return
        self.flush()
        names = [n for k, n in self.inside if k != "oneof"]
        self.out += [f"## {name}" if kind == "service" else f"### {'.'.join(names)}", ""]
        self.out += [prose(comment), ""] if comment else []

    def close(self):
        kind, _ = self.inside.pop()
        if kind != "oneof":
            self.flush()

    def flush(self):
        if self.rows:
            self.out += ["| name | type | number | |", "|---|---|---|---|", *self.rows, ""]
        self.rows = []


def service():
    out = ["# The service", "", GENERATED, ""]
    for path in PROTOS:
        out += [f"## {path}", "", *Proto(path).out]
    return out


# ---- headers ----


def comment_lines(text):
    body = re.sub(r"^/\*|\*/$", "", text.strip())
    return [re.sub(r"^\s*\* ?", "", line).rstrip() for line in body.strip().split("\n")]


NAMES = (
    r"^(?:struct|enum|union) (\w+)(?: \{|;)",
    r"^typedef .*?\b(viv_\w+)(?:;|\()",
    r"\b(viv_\w+)\(",
    r"^#define (\w+)",
)


def title(code):
    for pattern in NAMES:
        if found := re.search(pattern, code, re.M):
            return found[1]
    return None


def items(text):
    """(comment, code) of each part between blank lines, outside of braces."""
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif\n", "", text, flags=re.S)
    text = re.sub(r"^#(include|ifndef|endif).*\n|^#define VIVARIUM\w*_H\n", "", text, flags=re.M)
    part, depth, in_comment = [], 0, False
    for line in text.split("\n") + [""]:
        if line.strip() or depth or in_comment:
            part.append(line)
            depth += line.count("{") - line.count("}")
            in_comment = "*/" not in line if "/*" in line else in_comment and "*/" not in line
        elif part:
            found = re.match(r"(/\*.*?\*/)?\n?(.*)", "\n".join(part), re.S)
            yield found[1], found[2].strip("\n")
            part = []


def header(path):
    out = [f"## {path.split('/')[-1]}", ""]
    for comment, code in items(pathlib.Path(path).read_text()):
        lines = comment_lines(comment) if comment else []
        if section := re.fullmatch(r"---- (.*) ----", " ".join(lines)):
            out += [f"### {section[1][0].upper()}{section[1][1:]}", ""]
            continue
        if code and title(code):
            out += [f"#### {title(code)}", ""]
        out += [prose(lines), ""] if lines else []
        out += ["```c", code, "```", ""] if code else []
    return out


GENERATED = "Made by `bazel run //docs:update_reference`; the comments of the sources are where to change it."


def library(name, headings):
    out = [f"# {headings[name]}", "", GENERATED, ""]
    for path in HEADERS[name] + [ERRORS]:
        out += header(path)
    return out


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    headings = {"client": "libvivarium_client", "supervisor": "libvivarium"}
    pages = {"service": service(), **{name: library(name, headings) for name in HEADERS}}
    for name, lines in pages.items():
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip("\n") + "\n"
        (folder / f"{name}.md").write_text(text)


main(sys.argv[1])
