# Random object graphs, out and in, compared structurally with all identities.
import random
import sys

import carrier

SETUP = '''
class Plain: pass
class Slotted:
    __slots__ = ('a', 'b')
class Both(Plain):
    __slots__ = ('a',)
class Listy(list): pass
class Dicty(dict): pass
class Stated:
    def __getstate__(self): return [self.v]
    def __setstate__(self, s): self.v = s[0]
def maker(v):
    def get(): return v
    return get
'''


def leaf(r):
    return r.choice([
        lambda: None, lambda: True, lambda: ..., lambda: r.randint(-300, 300),
        lambda: r.getrandbits(200) - (1 << 199), lambda: r.random() * 10 ** r.randint(-9, 9),
        lambda: complex(r.random(), -0.0), lambda: 'x' * r.choice([0, 1, 63, 64, 65, 300]),
        lambda: ''.join(map(chr, r.sample(range(0, 0x11000), 5))),
        lambda: r.randbytes(r.choice([0, 3, 64, 200])), lambda: bytearray(b'ab'),
    ])()


def hashable(r, depth=3):
    kind = r.randint(0, 9)
    if kind < 7 or depth == 0:
        v = leaf(r)
        return 'ba' if type(v) is bytearray else v
    items = [hashable(r, depth - 1) for _ in range(r.randint(0, 3))]
    return tuple(items) if kind < 9 else frozenset(items)


def graph(r, ns, size):
    pool = [[], {}]
    hold = []

    def pick():
        return r.choice(pool) if r.random() < 0.7 else leaf(r)

    for _ in range(size):
        kind = r.randint(0, 12)
        if kind == 0: new = [pick() for _ in range(r.randint(0, 5))]
        elif kind == 1: new = tuple(pick() for _ in range(r.randint(0, 4)))
        elif kind == 2: new = {hashable(r): pick() for _ in range(r.randint(0, 5))}
        elif kind == 3: new = {hashable(r) for _ in range(r.randint(0, 5))}
        elif kind == 4: new = frozenset(hashable(r) for _ in range(r.randint(0, 5)))
        elif kind == 5:
            new = ns['Plain'](); new.a = pick(); new.b = pick()
        elif kind == 6:
            new = ns['Slotted'](); new.a = pick()
        elif kind == 7:
            new = ns['Both'](); new.a = pick(); new.z = pick()
        elif kind == 8: new = ns['Listy'](pick() for _ in range(3)); new.tag = pick()
        elif kind == 9: new = ns['Dicty']({hashable(r): pick()})
        elif kind == 10:
            new = ns['Stated'](); new.v = pick()
        elif kind == 11: new = ns['maker'](pick())
        else: new = leaf(r)
        pool.append(new)
        if kind in (5, 7, 8) and r.random() < 0.3: pool.append(vars(new))
    # Two that have one state.
    plain = [v for v in pool if type(v) is ns['Plain']]
    if len(plain) > 1 and r.random() < 0.3: plain[0].__dict__ = plain[1].__dict__
    # Loops, through whatever can be changed.
    for _ in range(size // 3):
        at = r.choice(pool)
        if type(at) in (list, ns['Listy']): at.append(r.choice(pool))
        elif type(at) in (dict, ns['Dicty']): at[hashable(r)] = r.choice(pool)
        elif type(at) is ns['Plain']: at.b = r.choice(pool)
    return {'n%d' % i: r.choice(pool) for i in range(r.randint(1, 6))}


ATOMS = (int, float, complex, str, bytes, bool, type(None), type(...))


def parts(v, ns):
    t = type(v).__name__
    if t in ('list', 'tuple', 'Listy'):
        return list(v) + ([v.__dict__] if t == 'Listy' else [])
    if t in ('dict', 'Dicty'):
        return [x for item in v.items() for x in item]
    if t == 'Plain': return [v.__dict__]
    if t == 'Stated': return [v.v]
    if t == 'Slotted': return [getattr(v, s) for s in ('a', 'b') if hasattr(v, s)]
    if t == 'Both': return [v.a, v.__dict__]
    if t == 'function': return [v.__code__, v.__name__, v.__closure__[0].cell_contents] if v.__closure__ else []
    return []


def small(v):
    return type(v) in (str, bytes) and len(v) <= 64 or type(v) is int and abs(v) < 1 << 60 * 8 or v == ()


# Raises where `a` and `b` are not the same shape, object for object.
def compare(a, b, ns):
    stack, there, back = [(a, b)], {}, {}
    while stack:
        a, b = stack.pop()
        assert type(a).__name__ == type(b).__name__, (type(a), type(b))
        if type(a) in ATOMS:
            assert a == b or a != a, (a, b)
            if type(a) is float or type(a) is complex:
                assert repr(a) == repr(b)
            if small(a) or type(a) not in (str, bytes):
                continue
        if id(a) in there or id(b) in back:
            assert there.get(id(a)) == id(b) and back.get(id(b)) == id(a), 'identity'
            continue
        if not (type(a) in (tuple, frozenset) and len(a) == 0):
            there[id(a)], back[id(b)] = id(b), id(a)
        if type(a) in (set, frozenset):
            assert sorted(map(repr, map(normal, a))) == sorted(map(repr, map(normal, b))), (a, b)
            continue
        x, y = parts(a, ns), parts(b, ns)
        assert len(x) == len(y), (a, b)
        stack.extend(zip(x, y))


def normal(v):
    if type(v) is frozenset:
        return ('fs', sorted(map(repr, map(normal, v))))
    return ('t', [normal(x) for x in v]) if type(v) is tuple else v


def one(seed):
    r = random.Random(seed)
    ns = {'__name__': '__main__'}
    exec(SETUP, ns)
    ns.update(graph(r, ns, r.choice([3, 10, 40, 150])))
    data, out = carrier.snapshot(ns)
    assert all(e[3] == 1 for e in out), [e for e in out if e[3] != 1]
    new = {'__name__': '__main__'}
    entries = carrier.restore(data, new)
    assert all(e[3] == 1 for e in entries), [e for e in entries if e[3] != 1]
    names = [n for n in ns if n.startswith('n')]
    assert names == [n for n in new if n.startswith('n')]
    compare([ns[n] for n in names], [new[n] for n in names], ns)
    again, _ = carrier.snapshot(new)
    assert len(again) == len(data), (len(again), len(data))


# What compare() must see.
def sees(a, b):
    try:
        compare(a, b, None)
    except AssertionError:
        return True
    return False


twin = []
assert sees([twin, twin], [[], []]) and sees([[], []], [twin, twin]) and sees([1], [True])
assert sees({'a': 1}, {'b': 1}) and sees([0.0], [-0.0]) and sees([{1}], [{2}]) and not sees([[]], [[]])

count = int(sys.argv[1] or 2000)
bad = 0
for seed in range(count):
    try:
        one(seed)
    except Exception as e:
        bad += 1
        if bad < 4:
            import traceback
            traceback.print_exc()
            print('# seed', seed, flush=True)
print('ok' if not bad else 'not ok', '1 - %d random graphs, %d of them changed' % (count, bad))
print('1..1')
assert not bad
