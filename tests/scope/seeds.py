# Writes seeds for the fuzzer into a folder: script_test seeds.py FOLDER
import sys

import carrier

CASES = {
    'data': "rows = [{'id': 1, 'tags': {1, 2}}]; loop = [rows]; loop.append(loop); t = (loop, (1,)); s = '\\udc80'; n = 1 << 99",
    'library': "import collections, datetime, decimal\nod = collections.OrderedDict(a=1); dq = collections.deque([1], 5); d = datetime.date(2020, 1, 1); z = decimal.Decimal('1.5')",
    'functions': "def f(a, b=[1], *, c=2): return a\nf.x = f\ndef mk():\n    n = 0\n    return lambda: n\ng = mk(); ns = {}; exec('def h(): pass', ns); h = ns['h']",
    'classes': "class A:\n    __slots__ = ('x',)\n    def get(self): return super()\nclass B(A):\n    one = None\nB.one = B(); b = B(); b.x = b; b.y = B.get",
    'enums': "import enum, abc\nclass E(enum.IntEnum):\n    A = 1\nclass Ab(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\nAb.register(int); e = E.A; x = ValueError(1)",
    'reduced': "class L(list): pass\nclass S:\n    def __getstate__(self): return (1,)\n    def __setstate__(self, s): pass\nl = L([1]); l.me = l; s = S(); m = l.append; import types; p = types.MappingProxyType({1: 2})",
    'dicts': "import types\nclass P: pass\np = P(); q = P(); p.__dict__ = q.__dict__; p.n = {p: 1}; d = vars(p)\nm = types.ModuleType('m'); exec('x = 1\\ndef f(): return x', vars(m))\nclass L(list): pass\nl = L(); l.x = 1; v = vars(l)",
}
for name, code in CASES.items():
    ns = {'__name__': '__main__'}
    exec(code, ns)
    with open(sys.argv[1] + '/' + name, 'wb') as f:
        f.write(b'\0' + carrier.snapshot(ns)[0])
