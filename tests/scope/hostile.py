# Snapshots that nobody should have written. Each must end in a restore, an
# error in words or entries in words, in bounded time and memory; only forged
# code may kill its process.
import os
import random
import resource
import signal
import struct
import sys
import time

import carrier

passed = failed = 0


def case(name, good):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print('ok' if good else 'not ok', passed + failed, '-', name, flush=True)


# --- a little protobuf --------------------------------------------------------

def varint(n):
    out = b''
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def num(field, n): return varint(field << 3) + varint(n)
def block(field, data): return varint(field << 3 | 2) + varint(len(data)) + data


def ref(n): return num(16, n)
def text(s): return block(7, s.encode())
def integer(n): return num(3, n * 2)
def tup(*items): return block(12, b''.join(block(1, i) for i in items))
def lst(*items): return block(11, b''.join(block(1, i) for i in items))
def item(k, v): return block(1, block(1, k) + block(2, v))
def glob(m, q): return block(5, block(1, m.encode()) + block(2, q.encode()))
def value(v): return block(1, v)
def reduced(call, args, *rest): return block(6, block(1, call) + block(2, args) + b''.join(rest))


def snap(names, objects=(), version=1, python=b'3.11'):
    return (num(1, version) + block(2, python) +
            b''.join(block(3, block(1, n if type(n) is bytes else n.encode()) + block(2, v)) for n, v in names) +
            b''.join(block(4, o) for o in objects))


def restore(data, **kw):
    new = {'__name__': '__main__'}
    return new, {e[0]: e for e in carrier.restore(data, new, **kw)}


def refused(data, words, status=3, **kw):
    try:
        restore(data, **kw)
    except RuntimeError as e:
        return e.args[0] == status and words in e.args[1]
    return False


# The one name `x` fails with these words; `ok` is there.
def fails(value_, objects, words):
    new, entries = restore(snap([('ok', integer(1)), ('x', value_), ('ok2', integer(2))], objects))
    return (new.get('ok') == 1 and new.get('ok2') == 2 and 'x' not in new and
            entries['x'][3] == 3 and words in entries['x'][4]) or print('#', entries['x'])


# --- made by hand -------------------------------------------------------------

case('a client\'s snapshot', restore(num(1, 1) + block(3, block(1, b'threshold') + block(2, num(5, 0)[:0] + varint(5 << 3 | 1) + struct.pack('<d', .5))))[0]['threshold'] == .5)
case('an empty one is no snapshot', refused(b'', 'format version 0'))
case('version 2', refused(snap([], version=2), 'version 2; this worker knows version 1'))
case('no snapshot at all', refused(b'\xff' * 50, 'cut off or damaged'))
case('a length beyond the end', refused(num(1, 1) + varint(3 << 3 | 2) + varint(1 << 40), 'cut off or damaged'))
case('field number 0', refused(num(1, 1) + b'\x00\x00', 'damaged'))
case('a name as a number', refused(num(1, 1) + num(3, 5), 'wrong type'))
case('the worker\'s own names', all(e[3] == 3 and 'keeps' in e[4] for e in restore(snap([(n, integer(1)) for n in ('__builtins__', '__name__', '__spec__')]))[1].values()))
case('a name twice', (lambda r: r[0]['x'] == 1)(restore(snap([('x', integer(1)), ('x', integer(2))]))))
case('a name that is no UTF-8', 'UTF-8' in list(restore(snap([(b'\xff', integer(1))]))[1].values())[0][4])
case('a value of no kind', fails(b'', [], 'no kind'))
case('a value of an unknown kind', fails(num(99, 1), [], 'no kind'))
case('a constant that is none', fails(num(1, 77), [], 'constant'))
case('text that is no UTF-8', fails(block(7, b'\xff\xfe'), [], 'UnicodeDecodeError'))
case('an opaque value', fails(block(18, block(2, b'was a socket')), [], 'was a socket'))
case('a reference to nothing', fails(ref(5), [], 'not there'))
case('a tuple of itself', fails(ref(0), [value(tup(ref(0)))], 'made of itself'))
case('tuples of each other', fails(ref(0), [value(tup(ref(1))), value(tup(ref(0)))], 'made of itself'))
case('a frozenset of itself', fails(ref(0), [value(block(14, block(1, ref(0))))], 'made of itself'))
case('a reduce of itself', fails(ref(0), [reduced(ref(1), tup(ref(0))), glob('builtins', 'list')], 'made of itself'))
case('a reference that is the object itself', fails(ref(0), [value(ref(0))], 'made of itself'))
case('an object of no kind', fails(ref(0), [b''], 'kind'))
case('a class of itself', fails(ref(0), [block(3, block(1, b'C') + block(4, ref(0)))], 'made of itself'))
case('a class with a base that is none', fails(ref(0), [block(3, block(1, b'C') + block(4, integer(1)))], 'bases'))
case('a class with a metaclass that is none', fails(ref(0), [block(3, block(1, b'C') + block(3, ref(1))), glob('builtins', 'int')], 'bases'))
case('a class of bool', fails(ref(0), [block(3, block(1, b'C') + block(4, ref(1))), glob('builtins', 'bool')], 'TypeError'))
case('an instance of int', fails(ref(0), [block(9, block(1, ref(1))), glob('builtins', 'int')], 'makes its own'))
case('an instance of no class', fails(ref(0), [block(9, block(1, integer(1)))], 'makes its own'))
case('an instance without a dict', fails(ref(0), [block(9, block(1, ref(1)) + block(2, item(text('a'), integer(1)))), glob('builtins', 'object')], 'AttributeError'))
case('a reduce that calls an int', fails(ref(0), [reduced(integer(1), tup())], 'TypeError'))
case('a reduce with a list for arguments', fails(ref(0), [reduced(ref(1), lst()), glob('builtins', 'list')], 'no tuple'))
case('a reduce that exits', fails(ref(0), [reduced(ref(1), tup(integer(3))), glob('sys', 'exit')], 'SystemExit: 3'))
case('a missing module', fails(ref(0), [glob('no_such_module', 'x')], 'ModuleNotFoundError'))
case('a missing attribute', fails(ref(0), [glob('math', 'nothing.there')], 'AttributeError'))
case('code that is an int', fails(ref(0), [block(2, block(1, __import__('marshal').dumps(5)))], 'code is none'))
case('a function without code', fails(ref(0), [block(2, block(2, b'f'))], ''))
case('code that is garbage', fails(ref(0), [block(2, block(1, b'\x00garbage'))], ''))
case('a closure without cells', fails(ref(0), [block(2, block(1, __import__('marshal').dumps((lambda x: lambda: x)(1).__code__)))], 'lacks cells'))
case('globals that are a list', fails(ref(0), [block(2, block(1, __import__('marshal').dumps((lambda: 1).__code__)) + block(11, ref(1))), value(lst())], 'no dict'))
def sharer(*fields): return block(13, b''.join(fields))
def attached(*fields): return block(14, b''.join(fields))


plain = glob('types', 'SimpleNamespace')
own = block(3, block(1, b'O') + block(2, b'O'))
case('a shared dict for two', (lambda n: n['x'].__dict__ is n['y'].__dict__ is n['d'])(restore(snap([('x', ref(0)), ('y', ref(1)), ('d', ref(2))], [sharer(block(1, ref(3)), block(2, ref(2))), sharer(block(1, ref(3)), block(2, ref(2))), value(block(15, item(text('a'), integer(1)))), own]))[0]))
case('a sharer without a dict', fails(ref(0), [sharer(block(1, ref(1))), own], 'reference'))
case('a sharer of a list', fails(ref(0), [sharer(block(1, ref(1)), block(2, ref(2))), own, value(lst())], 'dictionary'))
case('a sharer whose dict is itself', fails(ref(0), [sharer(block(1, ref(1)), block(2, ref(0))), own], 'itself'))
case('a sharer of a type that makes its own', fails(ref(0), [sharer(block(1, ref(1)), block(2, ref(2))), glob('builtins', 'list'), value(block(15, b''))], 'makes its own'))
case('a sharer without attributes', fails(ref(0), [sharer(block(1, ref(1)), block(2, ref(2))), glob('builtins', 'object'), value(block(15, b''))], 'AttributeError'))
case('a module with a shared dict that names nothing', (lambda n: vars(n['x']) == {} and repr(n['x']))(restore(snap([('x', ref(0))], [sharer(block(1, ref(1)), block(2, ref(2))), glob('types', 'ModuleType'), value(block(15, b''))]))[0]))
case('attributes attached', (lambda n: vars(n['x']) is n['d'])(restore(snap([('x', ref(0)), ('d', ref(2))], [attached(block(1, ref(1)), block(2, tup()), block(7, ref(2))), plain, value(block(15, b''))]))[0]))
case('attributes attached to a class', fails(ref(0), [attached(block(1, ref(1)), block(2, tup(text('T'), tup(), block(15, b''))), block(7, ref(2))), glob('builtins', 'type'), value(block(15, b''))], 'no dict'))
case('attributes that are a list', fails(ref(0), [attached(block(1, ref(1)), block(2, tup()), block(7, lst())), plain], 'no dict'))
case('defaults that are a dict', fails(ref(0), [block(2, block(1, __import__('marshal').dumps((lambda: 1).__code__)) + block(4, block(15, b'')))], 'defaults'))
case('another Python', (lambda r: r[0] == {'__name__': '__main__', 'd': 1} and '3.12' in r[1]['f'][4])(restore(snap([('f', ref(0)), ('d', integer(1))], [block(2, b'')], python=b'3.12'))))
case('an unhashable key', fails(block(15, item(lst(), integer(1))), [], 'unhashable'))
case('an item without a value', fails(block(15, block(1, block(1, integer(1)))), [], 'lacks'))

deep = integer(1)
for _ in range(60): deep = lst(deep)
case('sixty lists in place', fails(deep, [], '20 deep'))
deep = b''
for _ in range(5000): deep = lst(deep)
case('five thousand lists in place', fails(deep, [], '20 deep'))
N = 300000
chain = [value(tup(ref(i + 1))) for i in range(N)] + [value(tup())]
case('300,000 tuples as one key', fails(block(15, item(ref(0), integer(1))), chain, 'nested more than'))
case('300,000 tuples as a member of a set', fails(block(13, block(1, ref(0))), chain, 'nested more than'))
case('300,000 tuples as a value', (lambda r: type(r[0]['t']) is tuple)(restore(snap([('t', ref(0))], chain))))

began = time.monotonic()
big = num(1, 1) + b''.join(block(3, block(1, b'n%d' % i) + block(2, num(2, 1))) for i in range(1000000))
case('a million names', (lambda r: len(r[0]) == 1000001)(restore(big)))
case('... in a bounded time', time.monotonic() - began < 30)
case('... over the cap of values', refused(big, 'more than 1000 values', 8, objects=1000))
case('over the cap of bytes', refused(big, 'are allowed', 8, bytes=1000))
many = snap([('x', lst(*[num(2, 1)] * 200000))])
case('a list over the cap of values', refused(many, 'more than 1000 values', 8, objects=1000))
# Each object refers to the next twice: 2 ** 64 ways, 64 objects.
wide = [value(lst(ref(i + 1), ref(i + 1))) for i in range(64)] + [value(lst())]
case('doubling', len(restore(snap([('x', ref(0))], wide))[0]['x']) == 2)
colliding = snap([('x', block(15, b''.join(item(integer(i * (2 ** 61 - 1)), integer(1)) for i in range(1, 4))))])
case('colliding keys', len(restore(colliding)[0]['x']) == 3)

ticks = []
case('a stop on the way in', refused(many, 'ended', 1, stop=lambda: ticks.append(1) or len(ticks) > 5))


class Stops:
    def __reduce__(self):
        global stopping
        stopping = True
        raise KeyboardInterrupt


stopping = False
ns = {'a': 1, 's': Stops(), 'b': 2}
try:
    carrier.snapshot(ns, stop=lambda: stopping)
    case('a cancel in user code ends the snapshot', False)
except RuntimeError as e:
    case('a cancel in user code ends the snapshot', e.args[0] == 1)
for what, kw, words in (('bytes', {'bytes': 10000}, 'bytes'), ('values', {'objects': 5000}, 'values')):
    try:
        carrier.snapshot({'x': list(range(100000))}, **kw)
        case('the way out: too many ' + what, False)
    except RuntimeError as e:
        case('the way out: too many ' + what, e.args[0] == 8 and words in e.args[1])

# --- real ones, damaged --------------------------------------------------------

DATA = '''
import collections, datetime, decimal
rows = [{'id': i, 'name': 'row %d' % i, 'tags': {i, i + 1}, 'when': datetime.date(2020, 1, 1 + i)} for i in range(8)]
loop = [rows]; loop.append(loop); t = (loop, {'t': loop}); shared = [t, t]
od = collections.OrderedDict(a=1); dq = collections.deque([1, 2], 5); dec = decimal.Decimal('1.5')
big = 1 << 500; c = 2j; by = bytearray(b'abc'); s = '\\udc80'; fs = frozenset({1, (2, 3)})
'''
CODE = DATA + '''
class A:
    __slots__ = ('x', '__dict__')
    def get(self): return self.x
class B(A):
    def get(self): return super().get()
b = B(); b.x = 1; b.y = b
def outer(n):
    def inner(): return n
    return inner
f = outer(5)
'''


def real(code):
    ns = {'__name__': '__main__'}
    exec(code, ns)
    return carrier.snapshot(ns)[0]


def attempt(data):
    try:
        restore(data, objects=200000)
    except RuntimeError as e:
        assert e.args[1]
    except MemoryError:
        pass


# A batch in a process of its own: its exit status.
def batch(make, seeds):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # Damaged names may lead anywhere in the library; not to the terminal.
        null = os.open('/dev/null', os.O_RDWR)
        for fd in (0, 1, 2): os.dup2(null, fd)
        try:
            for seed in seeds:
                attempt(make(random.Random(seed)))
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def flipped(data):
    def make(r):
        b = bytearray(data)
        for _ in range(r.choice([1, 1, 1, 2, 8])):
            b[r.randrange(len(b))] ^= 1 << r.randrange(8)
        return bytes(b)
    return make


def spliced(data):
    def make(r):
        i, j, k = (r.randrange(len(data)) for _ in range(3))
        return data[:i] + data[min(j, k):max(j, k)] + data[i:]
    return make


rounds = int(sys.argv[1] or 4000)
data, code = real(DATA), real(CODE)
cut = 0
for n in range(len(data)):
    try:
        restore(data[:n])
        cut += 1
    except RuntimeError as e:
        assert e.args[0] == 3, e
# A cut between two whole fields is a shorter snapshot.
case('truncated at each of %d places' % len(data), cut < 120)
case('%d with flipped bits' % rounds, batch(flipped(data), range(rounds)) == 0)
case('%d with a part of itself put in' % rounds, batch(spliced(data), range(rounds)) == 0)
crashed = hung = 0
for start in range(0, rounds, 20):
    for make in (flipped(code), spliced(code)):
        status = batch(make, range(start, start + 20))
        hung += status == signal.SIGALRM
        crashed += status != 0
case('%d with code in them: %d of %d batches crashed, none hung' % (rounds * 2, crashed, rounds // 10), hung == 0)
print('1..%d' % (passed + failed))
assert not failed
