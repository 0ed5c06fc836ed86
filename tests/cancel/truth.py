"""Compare the C analysis with what the source says, for every instruction.

The truth is taken from `ast` and from the column positions of the compiler,
neither of which the analysis may use: an instruction is in cleanup if its
position lies in the finalbody of a try of its own scope, or if it enters or
leaves a with statement. Three further corpora have a truth of other kinds:
random programs compared the same way, the same source compiled without
columns, and markers, whose truth is the nesting that the generator wrote.

usage: truth.py [--short] [FOLDER ...]
"""
import ast
import dis
import functools
import pathlib
import random
import sys
import time
import types
from collections import Counter

import cleanup_map

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda,
          ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
EPILOGUE = {"COPY", "POP_EXCEPT", "RERAISE", "PUSH_EXC_INFO"}


class Scope:
    def __init__(self):
        self.finals = []
        self.withs = set()
        self.children = {}


def first_line(node):
    decorators = getattr(node, "decorator_list", None)
    return min([node.lineno] + [d.lineno for d in decorators or ()])


def span(node):
    return (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)


def body_range(body):
    return ((body[0].lineno if not getattr(body[0], "decorator_list", None)
             else first_line(body[0]), -1),
            (body[-1].end_lineno, body[-1].end_col_offset))


def read_scope(node, scope):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, SCOPES):
            inner = Scope()
            if hasattr(child, "name"):
                scope.children[child.name, first_line(child)] = inner
                for part in ("decorator_list", "bases", "keywords", "args"):
                    read_parts(getattr(child, part, None), scope)
                for statement in child.body:
                    read_parts(statement, inner)
            else:
                read_scope(child, Scope())
            continue
        note(child, scope)
        read_scope(child, scope)


def read_parts(parts, scope):
    for part in parts if isinstance(parts, list) else [parts]:
        if isinstance(part, ast.AST):
            wrapper = ast.Module(body=[part], type_ignores=[])
            read_scope(wrapper, scope)


def note(node, scope):
    if isinstance(node, (ast.Try, ast.TryStar)) and node.finalbody:
        scope.finals.append((*body_range(node.finalbody), node.finalbody))
    if isinstance(node, (ast.With, ast.AsyncWith)):
        scope.withs.add(span(node))


class Tally:
    def __init__(self, name):
        self.name = name
        self.files = self.codes = self.compared = self.cleanup = 0
        self.unplaced = self.finals = self.flagged = 0
        self.explained = Counter()
        self.wrong = []
        self.start = time.monotonic()

    def show(self):
        print(f"{self.name}: {self.files} sources, {self.codes} code objects, "
              f"{self.finals} finally statements, {self.compared} instructions "
              f"compared, {self.cleanup} of them in cleanup, "
              f"{sum(self.explained.values())} differ with a known reason, "
              f"{len(self.wrong)} differ without; {self.unplaced} have no "
              f"position; {self.flagged} stand in a gap; "
              f"{time.monotonic() - self.start:.1f} s")
        for reason, count in self.explained.most_common():
            print(f"    {count:7} {reason}")
        for line in self.wrong[:20]:
            print("    UNEXPLAINED", line)


def truth_of(instrs, i, pos, scope):
    line, end_line, col, end_col = pos
    count = sum(low <= (line, col) and (end_line, end_col) <= high
                for low, high, _ in scope.finals)
    return count + with_truth(instrs, i, pos, scope)


def with_truth(instrs, i, pos, scope):
    instr = instrs[i]
    if instr.opname in ("BEFORE_WITH", "BEFORE_ASYNC_WITH",
                        "WITH_EXCEPT_START"):
        return 1
    following = [x.opname for x in instrs[i + 1:i + 4]]
    if instr.opname == "PUSH_EXC_INFO":
        return following[:1] == ["WITH_EXCEPT_START"]
    if pos not in scope.withs:
        return 0
    if instr.opname in ("PRECALL", "CALL"):
        return 1
    # The three Nones that the exit is called with.
    loads = following[:following.index("PRECALL")] \
        if "PRECALL" in following else ["none"]
    return (instr.opname == "LOAD_CONST" and instr.argval is None
            and set(loads) <= {"LOAD_CONST"})


def awaits(instrs):
    """Indexes of the awaits that belong to async with."""
    found = set()
    for i, instr in enumerate(instrs):
        if instr.opname == "GET_AWAITABLE" and instr.arg in (1, 2):
            end = instrs[i + 2].argval
            while i < len(instrs) and instrs[i].offset < end:
                found.add(i)
                i += 1
    return found


@functools.lru_cache(maxsize=8)
def dead_offsets(code):
    """Offsets that no path from the start reaches (exceptions included)."""
    instrs = list(dis.get_instructions(code))
    at = {x.offset: i for i, x in enumerate(instrs)}
    entries = dis._parse_exception_table(code)
    seen, todo = set(), [0]
    while todo:
        i = todo.pop()
        if i in seen or i >= len(instrs):
            continue
        seen.add(i)
        x = instrs[i]
        todo += [at[e.target] for e in entries if e.start <= x.offset < e.end]
        if x.opcode in dis.hasjrel or x.opcode in dis.hasjabs:
            todo.append(at[x.argval])
        if x.opname not in ("RETURN_VALUE", "RERAISE", "RAISE_VARARGS",
                            "JUMP_FORWARD", "JUMP_BACKWARD",
                            "JUMP_BACKWARD_NO_INTERRUPT"):
            todo.append(i + 1)
    return {x.offset for i, x in enumerate(instrs) if i not in seen}


def leaves_at_once(body):
    """`finally:` whose first statement leaves: its bytecode is that of a bare
    except, it calls nothing, and what follows is dead."""
    first = body[0]
    return (isinstance(first, (ast.Break, ast.Continue)) or
            isinstance(first, ast.Return) and
            (first.value is None or isinstance(first.value, ast.Constant)))


def explain(code, instr, pos, scope):
    if instr.opname in EPILOGUE:
        return f"{instr.opname} of an epilogue: restores the stack, calls nothing"
    if instr.offset in dead_offsets(code):
        return "unreachable: a handler that covers nothing"
    for low, high, body in scope.finals:
        if low <= (pos[0], pos[2]) and (pos[1], pos[3]) <= high and \
                leaves_at_once(body):
            return "a finally that starts with break, continue or return"
    return None


def compare(code, scope, tally, where):
    counts, flags, capped = cleanup_map.analyse(code)
    tally.codes += 1
    tally.finals += len(scope.finals)
    instrs = list(dis.get_instructions(code))
    tally.flagged += sum(bool(flags[x.offset // 2] & 4) for x in instrs)
    plain = not scope.finals and not scope.withs
    if plain and not any(counts):
        placed = sum(x.positions.col_offset is not None for x in instrs)
        tally.compared += placed
        tally.unplaced += len(instrs) - placed
        return
    waiting = awaits(instrs)
    for i, instr in enumerate(instrs):
        pos = tuple(instr.positions)
        if None in pos:
            tally.unplaced += 1
            continue
        got, want = counts[instr.offset // 2], truth_of(instrs, i, pos, scope)
        want += i in waiting
        tally.compared += 1
        tally.cleanup += want > 0
        if got != want or capped:
            why = explain(code, instr, pos, scope)
            if why and not capped:
                tally.explained[why] += 1
            else:
                tally.wrong.append(f"{where} {code.co_qualname} {instr.offset} "
                                   f"{instr.opname} {pos} C {got} truth {want}")


def compare_all(code, scope, tally, where):
    compare(code, scope, tally, where)
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            key = (const.co_name, const.co_firstlineno)
            compare_all(const, scope.children.get(key) or Scope(), tally, where)


def compare_source(source, tally, where):
    scope = Scope()
    read_scope(ast.parse(source), scope)
    compare_all(compile(source, where, "exec", dont_inherit=True), scope,
                tally, where)
    tally.files += 1


def standard_library(folders, short):
    tally = Tally("installed sources")
    paths = sorted(p for f in folders for p in pathlib.Path(f).rglob("*.py"))
    if short:
        paths = paths[::4]
    for path in paths:
        try:
            compare_source(path.read_bytes(), tally, str(path))
        except (SyntaxError, ValueError):
            pass
    return tally


class Writer:
    """Random programs of nested cleanup; mark(n) says what n must be."""

    def __init__(self, seed, marked):
        self.random = random.Random(seed)
        self.lines = []
        self.marked = marked

    def put(self, indent, text):
        self.lines.append("    " * indent + text)

    def leaf(self, indent, depth, loop):
        choice = self.random.randrange(9)
        if self.marked:
            self.put(indent, f"mark({depth})")
        elif choice < 3:
            self.put(indent, self.random.choice(
                ["a()", "x = b.c(1, *d)", "e[f] += [g for g in h]",
                 "if a: b()", "y = a and b or c"]))
        elif choice == 3:
            self.put(indent, "pass")
        elif choice == 4 and loop:
            self.put(indent, "if a: break")
        elif choice == 5 and loop:
            self.put(indent, "if b: continue")
        elif choice == 6:
            self.put(indent, "if c: return a(b)")
        elif choice == 7:
            self.put(indent, "if d: raise e")
        else:
            self.put(indent, "z()")

    def block(self, indent, depth, loop, fuel):
        self.leaf(indent, depth, loop)
        for _ in range(self.random.randrange(1, 3)):
            self.statement(indent, depth, loop, fuel)
        self.leaf(indent, depth, loop)

    def statement(self, indent, depth, loop, fuel):
        if fuel <= 0:
            return self.leaf(indent, depth, loop)
        kind = self.random.choice(["try", "try", "with", "loop", "if", "except"])
        if kind in ("try", "except"):
            self.attempt(indent, depth, loop, fuel, kind)
        elif kind == "with":
            head = self.random.choice(["with m() as n:", "with m(), n() as o:",
                                       "with m:"])
            self.put(indent, head)
            self.block(indent + 1, depth, loop, fuel - 1)
        else:
            head = self.random.choice(["for i in j():", "while k():"])
            self.put(indent, head if kind == "loop" else "if p():")
            self.block(indent + 1, depth, loop or kind == "loop", fuel - 1)

    def attempt(self, indent, depth, loop, fuel, kind):
        self.put(indent, "try:")
        self.block(indent + 1, depth, loop, fuel - 1)
        if kind == "except" or self.random.random() < 0.4:
            self.put(indent, self.random.choice(
                ["except E:", "except E as e:", "except:"]))
            self.block(indent + 1, depth, loop, fuel - 1)
        if kind == "try":
            self.put(indent, "finally:")
            self.block(indent + 1, depth + 1, loop, fuel - 1)

    def program(self):
        self.put(0, "def f():")
        self.block(1, 0, False, 3)
        return "\n".join(self.lines) + "\n"


def random_programs(count):
    tally = Tally("random programs")
    for seed in range(count):
        compare_source(Writer(seed, False).program(), tally, f"seed {seed}")
    return tally


def marked_programs(count):
    """The truth is the number in the source; columns and lines play no part."""
    tally = Tally("marked programs")
    for seed in range(count):
        code = compile(Writer(seed, True).program(), f"seed {seed}", "exec")
        tally.files += 1
        for const in code.co_consts:
            if isinstance(const, types.CodeType):
                compare_marks(const, tally, seed)
    return tally


def compare_marks(code, tally, seed):
    counts, _, capped = cleanup_map.analyse(code)
    instrs = list(dis.get_instructions(code))
    tally.codes += 1
    for i, instr in enumerate(instrs):
        if instr.opname == "LOAD_GLOBAL" and instr.argval == "mark":
            want, got = instrs[i + 1].argval, counts[instr.offset // 2]
            tally.compared += 1
            tally.cleanup += want > 0
            if got != want or capped:
                dead = instr.offset in dead_offsets(code)
                if dead and not capped:
                    tally.explained["unreachable"] += 1
                else:
                    tally.wrong.append(f"seed {seed} {instr.offset} C {got} "
                                       f"truth {want}")


def main(arguments):
    short = "--short" in arguments
    folders = [a for a in arguments if a != "--short"] or ["/usr/lib/python3.11"]
    tallies = [standard_library(folders, short),
               random_programs(60 if short else 400),
               marked_programs(60 if short else 400)]
    for tally in tallies:
        tally.show()
    if any(t.wrong or not t.cleanup for t in tallies):
        print("FAILED")
        return 1
    print("PASSED")
    return 0


sys.exit(main(sys.argv[1:]))
