"""The corpus by other tools: how many of its cases each can carry.

usage: python3.11 peers.py CORPUS... ; the tools that are not installed are left out.

Each part of a case runs in a process of its own, whose `__main__` holds what
the tool brought; a tool carries the whole namespace in one go, so that what
its values share can stay shared, or else each name for itself, leaving out
what it can't. Cases that look at the manifest of what was left out (most of
omitted.txt, a few of modules.txt) fail for tools that have none.
"""
import importlib
import os
import pickle
import sys

OWN = {'__builtins__', '__name__', '__file__', '__loader__', '__spec__', '__package__', '__cached__', '__doc__'}
TOOLS = ['pickle', 'cloudpickle', 'dill']


def read(path):
    for chunk in ('\n' + open(path).read()).split('\n=== ')[1:]:
        name, _, body = chunk.partition('\n')
        parts, first = [], True
        for part in ('\n' + body).split('\n--- '):
            parts.append(part if first else part.partition('\n')[2])
            first = False
        yield name, parts


def dump(tool, scope):
    names = {k: v for k, v in scope.items() if k not in OWN}
    try:
        return tool.dumps(names)
    except BaseException:
        pass
    carried = {}
    for name, value in names.items():
        try:
            carried[name] = tool.dumps(value)
        except BaseException:
            pass
    return pickle.dumps(('by name', carried))


def load(tool, data, scope):
    names = tool.loads(data)
    if isinstance(names, tuple):
        names = {}
        for name, value in pickle.loads(data)[1].items():
            try:
                names[name] = tool.loads(value)
            except BaseException:
                pass
    scope.update(names)


def part(tool, code, before, name):
    """In a child: what is to be carried on, or None where it failed."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        import signal
        signal.alarm(20)
        null = os.open('/dev/null', os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        try:
            import __main__
            scope = __main__.__dict__
            for key in [k for k in scope if k not in OWN]:
                del scope[key]
            if before is not None:
                load(tool, before, scope)
            exec(compile(code, name, 'exec'), scope)
            with open(into, 'wb') as pipe:
                pipe.write(dump(tool, scope))
            os._exit(0)
        except BaseException:
            os._exit(1)
    os.close(into)
    with open(out, 'rb') as pipe:
        data = pipe.read()
    return data if os.waitpid(child, 0)[1] == 0 else None


def carries(tool, name, parts):
    data = None
    for code in parts:
        data = part(tool, code, data, name)
        if data is None:
            return False
    return True


def main(paths):
    tools = []
    for name in TOOLS:
        try:
            tools.append(importlib.import_module(name))
        except ImportError:
            print(f'# {name} is not installed')
    totals = [0] * len(tools)
    cases = 0
    print(f'{"":<16}{"cases":>8}' + ''.join(f'{t.__name__:>14}' for t in tools))
    for path in paths:
        corpus = list(read(path))
        row = [sum(carries(t, *case) for case in corpus) for t in tools]
        cases += len(corpus)
        totals = [a + b for a, b in zip(totals, row)]
        print(f'{os.path.basename(path):<16}{len(corpus):>8}' + ''.join(f'{n:>14}' for n in row), flush=True)
    print(f'{"all":<16}{cases:>8}' + ''.join(f'{n:>14}' for n in totals))


if __name__ == '__main__':
    # `__main__` is the cases' scope: what runs them lives elsewhere.
    sys.dont_write_bytecode = True
    importlib.import_module('peers').main(sys.argv[1:])
