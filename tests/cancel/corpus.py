# Programs that are cancelled at each of their steps. up(x) and down(x) are C
# functions, so that a cancel can't fall into them: every up must have had its
# down when the program has ended, however it ended. What stands below
# "verify" runs after it, uncancelled. A line of dashes starts the next program.

# --- acquire, then try
import threading
lock = threading.Lock()
def work():
    return sum(i for i in range(3))
def main():
    lock.acquire()
    try:
        print('starting')
        work()
    finally:
        up('cleanup')
        print('finished')
        lock.release()
        down('cleanup')
main()
main()
# verify
assert not lock.locked()

# --- PEP 419, second example
from threading import Lock
class MyLock:
    def __init__(self):
        self._lock_impl = Lock()
    def __enter__(self):
        self._lock_impl.acquire()
        print("LOCKED")
    def __exit__(self, *exc):
        print("UNLOCKING")
        self._lock_impl.release()
lock = MyLock()
def do_something():
    return [x * x for x in range(3)]
with lock:
    do_something()
def main():
    with lock:
        do_something()
        return 1
main()
# verify
assert not lock._lock_impl.locked()

# --- open, then try
import os
def main():
    f = open('/dev/null')
    up('file')
    try:
        f.read()
    finally:
        f.close()
        down('file')
    fd = os.open('/dev/null', os.O_RDONLY)
    try:
        os.read(fd, 1)
    finally:
        os.close(fd)
main()

# --- resource by constructor in a with
import os
class FD:
    def __init__(self):
        self.fd = os.open('/dev/null', os.O_RDONLY)
    def __enter__(self):
        return self
    def __exit__(self, *exc):
        os.close(self.fd)
def make():
    return FD()
for i in range(3):
    with FD() as f:
        os.read(f.fd, 1)
    with make() as f:
        if i == 1:
            continue
        os.read(f.fd, 1)

# --- acquired by a function that returns it
class R:
    def __init__(self):
        up('r')
    def close(self):
        down('r')
def acquire():
    r = R()
    return r
def again():
    return acquire()
def main():
    r = again()
    try:
        len('x')
    finally:
        r.close()
main()

# --- nested with and all ways out
class C:
    def __init__(self, name):
        self.name = name
    def __enter__(self):
        up(self.name)
        return self
    def __exit__(self, *exc):
        down(self.name)
def by_return():
    with C('a') as a, C('b'):
        return a.name
def by_break():
    for i in range(2):
        with C('c'):
            with C('d'):
                break
    for i in range(2):
        with C('e'):
            continue
def by_raise():
    try:
        with C('f'):
            with C('g'):
                raise ValueError('x')
    except ValueError:
        pass
def by_suppress():
    class S(C):
        def __exit__(self, kind, *exc):
            down(self.name)
            return kind is ValueError
    with S('h'):
        raise ValueError
by_return(); by_break(); by_raise(); by_suppress()

# --- finally on every path
def paths(how):
    for i in range(2):
        up('t')
        try:
            if how == 0:
                return 1
            if how == 1:
                break
            if how == 2:
                continue
            if how == 3:
                raise KeyError(i)
        except KeyError:
            pass
        finally:
            down('t')
            up('f')
            try:
                int('x')
            except ValueError:
                pass
            finally:
                down('f')
for how in range(5):
    paths(how)

# --- ExitStack
import contextlib
class C:
    def __enter__(self):
        up('c')
        return self
    def __exit__(self, *exc):
        down('c')
with contextlib.ExitStack() as stack:
    stack.enter_context(C())
    stack.enter_context(C())
    stack.callback(len, 'x')

# --- ExitStack closed by hand
import contextlib
@contextlib.contextmanager
def c(name):
    up(name)
    try:
        yield name
    finally:
        down(name)
stack = contextlib.ExitStack()
try:
    stack.enter_context(c('x'))
    stack.enter_context(c('y'))
finally:
    stack.close()

# --- contextmanager
import contextlib
@contextlib.contextmanager
def opened(name):
    up(name)
    try:
        yield name
    finally:
        up('cleanup')
        len(name)
        down('cleanup')
        down(name)
with opened('a') as a:
    with opened('b'):
        len(a)
def f():
    with opened('c'):
        return len('x')
f()
try:
    with opened('d'):
        raise LookupError
except LookupError:
    pass

# --- generators
def gen():
    up('g')
    try:
        yield 1
        yield 2
    finally:
        up('gc')
        down('gc')
        down('g')
def main():
    for x in gen():
        pass
    g = gen()
    next(g)
    g.close()
    g = gen()
    next(g)
    del g
    list(outer())
    g = outer()
    try:
        next(g)
        g.throw(KeyError)
    except KeyError:
        pass
def outer():
    try:
        yield from gen()
    finally:
        up('o')
        down('o')
main()

# --- a try at a back edge
def f():
    n = 0
    while n < 5:
        try:
            while n < 4:
                n += 1
        finally:
            up('f')
            n += 1
            down('f')
f()

# --- errors that are formatted
def f():
    up('f')
    try:
        for i in range(4):
            try:
                int('x' * i)
            except ValueError as e:
                str(e)
    finally:
        down('f')
f()

# --- locks of threading
import threading
lock, rlock = threading.Lock(), threading.RLock()
sem = threading.Semaphore(1)
cond = threading.Condition()
def f():
    with lock:
        with rlock, rlock:
            with sem:
                with cond:
                    cond.notify_all()
f()
# verify
assert not lock.locked()
assert sem._value == 1
assert cond.acquire(blocking=False)

# --- callbacks from C
class C:
    def __enter__(self):
        up('c')
    def __exit__(self, *exc):
        down('c')
def key(x):
    with C():
        return -x
sorted([3, 1, 2], key=key)
list(map(lambda x: x, [1, 2]))
x = sorted([3, 1, 2], key=lambda x: x)
try:
    pass
finally:
    up('x')
    down('x')

# --- code without source
exec(compile('''
up("e")
try:
    len("x")
finally:
    down("e")
''', '<nowhere>', 'exec'))

# --- match, comprehensions and nested functions in cleanup
def f(v):
    up('f')
    try:
        match v:
            case [a, b]:
                return a
            case {'k': k}:
                return k
    finally:
        def inner(x):
            return [y for y in range(x)]
        up('i')
        inner(2)
        sorted([2, 1], key=lambda z: inner(z))
        down('i')
        down('f')
f([1, 2])
f({'k': 1})

# --- temporary files and pipes
import os, tempfile
with tempfile.TemporaryFile() as f:
    f.write(b'x')
r, w = os.pipe()
try:
    os.write(w, b'x')
finally:
    os.close(r)
    os.close(w)

# --- async by hand
import inspect
class Wait:
    def __await__(self):
        yield self
class C:
    async def __aenter__(self):
        up('c')
        await Wait()
        return self
    async def __aexit__(self, *exc):
        await Wait()
        down('c')
async def work():
    async with C() as c:
        await Wait()
        up('w')
        try:
            await Wait()
        finally:
            await Wait()
            down('w')
def drive(coro):
    try:
        while True:
            coro.send(None)
    except StopIteration:
        pass
    finally:
        drain(coro)
def drain(coro):
    # As the PEP has it for trampolines: no throw into cleanup.
    try:
        while inspect.isframeincleanup(coro):
            coro.send(None)
        coro.throw(KeyError)
        while True:
            coro.send(None)
    except (StopIteration, KeyError, RuntimeError):
        pass
drive(work())

# --- asyncio
import asyncio
class C:
    async def __aenter__(self):
        # asyncio's own CancelledError may come here when its loop ends.
        await asyncio.sleep(0)
        up('c')
    async def __aexit__(self, *exc):
        await asyncio.sleep(0)
        down('c')
async def child():
    async with C():
        up('child')
        try:
            await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
            down('child')
async def main():
    lock = asyncio.Lock()
    async with lock:
        await asyncio.gather(child(), child())
asyncio.run(main())
