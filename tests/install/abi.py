"""Prints what a compiled caller of a library relies on, as text: how its functions are
declared, where the fields of its structs are, and what its enumerators are worth.

    abi.py HEADER... -- CFLAG...

The compiler measures; headers are read as clang-format leaves them.
"""

import re
import subprocess
import sys
import tempfile

STRUCT = re.compile(r"^struct (viv_\w+) \{\n(.*?)^\};", re.M | re.S)
ENUM = re.compile(r"^enum (viv_\w+) \{(.*?)\};", re.M | re.S)
FUNCTION = re.compile(r"^(?!typedef)(\w[^;{}#]*?\bviv_\w+\([^;{}]*\));", re.M)
TYPEDEF = re.compile(r"^(typedef [^;{}]*);", re.M)


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def fields(body):
    """Names of a struct's fields; those of callbacks, (*name)(...), too. A struct
    within is one field, with its text."""
    for line in re.findall(r"(?:[^;{]|\{[^}]*\})+", body):
        line = " ".join(line.split())
        if not line:
            continue
        callback = re.search(r"\(\*(\w+)\)\(", line)
        name = callback or re.search(r"(\w+)(?:\[[^\]]*\])?$", line)
        yield name.group(1), line


def program(headers, text):
    yield "#include <stddef.h>\n#include <stdio.h>\n"
    for header in headers:
        yield f'#include "{header}"\n'
    yield "int main(void)\n{\n"
    for name, body in STRUCT.findall(text):
        yield f'printf("struct {name}, %zu bytes\\n", sizeof(struct {name}));\n'
        for field, line in fields(body):
            yield (
                f'printf("    %zu+%zu %s\\n", offsetof(struct {name}, {field}), '
                f'sizeof(((struct {name} *)0)->{field}), "{line}");\n'
            )
    for name, body in ENUM.findall(text):
        yield f'printf("enum {name}, %zu bytes\\n", sizeof(enum {name}));\n'
        for value in re.findall(r"\b(VIV_\w+)", body):
            yield f'printf("    {value} %d\\n", {value});\n'
    yield "}\n"


def measured(headers, text, flags):
    with tempfile.TemporaryDirectory() as folder:
        source = "".join(program(headers, text))
        command = ["cc", "-x", "c", "-", "-o", folder + "/measure", *flags]
        subprocess.run(command, input=source, text=True, check=True)
        return subprocess.run(
            [folder + "/measure"], capture_output=True, text=True, check=True
        ).stdout


def main(arguments):
    split = arguments.index("--")
    headers, flags = arguments[:split], arguments[split + 1 :]
    text = without_comments("".join(open(header).read() for header in headers))
    for pattern in (TYPEDEF, FUNCTION):
        for declaration in sorted(pattern.findall(text)):
            print(" ".join(declaration.split()))
    print(measured(headers, text, flags), end="")


main(sys.argv[1:])
