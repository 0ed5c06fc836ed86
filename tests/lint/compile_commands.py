"""Turns `bazel aquery --output=jsonproto` into a compile_commands.json.

usage: compile_commands.py OUTPUT_PATH <aquery.json >compile_commands.json

Only what a parser needs is kept (include paths, macros, the language), so that
clang understands commands that were made for gcc. OUTPUT_PATH is what
`bazel info output_path` prints: generated headers are found there whether or
not the tree has a bazel-out link.
"""
import json
import os
import sys

WITH_VALUE = ("-I", "-iquote", "-isystem", "-D", "-U", "-include")


def absolute(path, output_path):
    if path.startswith("bazel-out/"):
        return os.path.join(output_path, path[len("bazel-out/"):])
    if path.startswith("external/"):
        # Beside the output path's execution root.
        return os.path.join(os.path.dirname(output_path), path)
    return path


def kept(arguments, output_path):
    arguments = iter(arguments)
    for argument in arguments:
        if argument in WITH_VALUE:
            yield argument
            yield absolute(next(arguments), output_path)
        elif argument.startswith("-I"):
            yield "-I" + absolute(argument[2:], output_path)
        elif argument.startswith(("-D", "-U", "-std=")) and "FORTIFY" not in argument:
            yield argument


def hints(path):
    # error.c defines what the header wraps.
    return [] if path == "proto/error.c" else ["-include", "tests/lint/analyzer.h"]


def source(arguments):
    return arguments[arguments.index("-c") + 1]


def entries(actions, output_path):
    seen = set()
    for action in actions:
        arguments = action["arguments"]
        path = source(arguments)
        if path in seen or path.startswith(("bazel-out/", "external/")):
            continue
        seen.add(path)
        yield {
            "directory": os.getcwd(),
            "file": path,
            "arguments": ["clang", *kept(arguments[1:], output_path), *hints(path), "-c", path],
        }


def main():
    actions = json.load(sys.stdin).get("actions", [])
    commands = sorted(entries(actions, sys.argv[1]), key=lambda entry: entry["file"])
    json.dump(commands, sys.stdout, indent=1)


main()
