import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Daemon } from './daemon.mjs';
import { Client } from './vivarium.mjs';

let daemon;

before(async () => { daemon = await Daemon.start(); });
after(() => daemon.stop());

for (const transport of ['unixTarget', 'tcpTarget']) {
  describe(`Execute over ${transport}`, () => {
    let client;

    before(() => { client = new Client(daemon[transport]); });
    after(() => client.close());

    const values = [
      ['6 * 7', { integer: '42' }, '42'],
      ['-2**63', { integer: '-9223372036854775808' }],
      ['2**63', { big_integer: Buffer.from('000000000000008000', 'hex') }],
      ['True', { boolean: true }, 'True'],
      ['0.5', { floating: 0.5 }, '0.5'],
      ['float("inf")', { floating: Infinity }],
      ['"h\\u00e9\\U0001f600"', { text: 'hé😀' }],
      ['"a\\0b"', { surrogate_text: Buffer.from('a\0b') }],
      ['"\\ud800"', { surrogate_text: Buffer.from('eda080', 'hex') }],
      ['b"\\x00\\xff"', { data: Buffer.from([0, 255]) }],
      ['...', { constant: 'CONSTANT_ELLIPSIS' }, 'Ellipsis'],
    ];
    for (const [code, expected, repr] of values) {
      test(`${code} is ${JSON.stringify(expected)}`, async () => {
        const { outcome, result, result_repr } = await client.execute(code);
        const [kind] = Object.keys(expected);
        assert.equal(outcome, 'OUTCOME_COMPLETED');
        assert.equal(result.kind, kind);
        assert.deepEqual(result[kind], expected[kind]);
        if (repr) assert.equal(result_repr, repr);
      });
    }

    test('containers', async () => {
      const { result } = await client.execute('[1, ("x",), {"k": None}]');
      const [one, tuple, dict] = result.list.items;
      assert.equal(one.integer, '1');
      assert.equal(tuple.tuple.items[0].text, 'x');
      assert.equal(dict.dict.items[0].key.text, 'k');
      assert.equal(dict.dict.items[0].value.constant, 'CONSTANT_NONE');
    });

    test('None and no expression give no result', async () => {
      for (const code of ['None', 'x = 1', '', '# nothing']) {
        const response = await client.execute(code);
        assert.equal(response.outcome, 'OUTCOME_COMPLETED', code);
        assert.equal(response.result, null);
        assert.equal(response.result_repr, '');
      }
    });

    test('output is exact, byte for byte', async () => {
      const { stdout, stderr } = await client.execute(
        'import os, sys\n'
        + 'print("no newline", end="")\n'
        + 'sys.stdout.flush()\n'
        + 'os.write(1, b"\\xff\\x00")\n'
        + 'print("err", file=sys.stderr)\n');
      assert.deepEqual(stdout, Buffer.from('no newline\xff\x00', 'latin1'));
      assert.deepEqual(stderr, Buffer.from('err\n'));
    });

    test('stdin and file name', async () => {
      const response = await client.execute('import sys\nsys.stdin.read() + __file__',
        { stdin: Buffer.from('in '), filename: 'job.py' });
      assert.equal(response.result.text, 'in job.py');
    });

    test('an exception has type, message, traceback and frames', async () => {
      const { outcome, error } = await client.execute(
        'def f():\n    raise ValueError("no")\nf()\n', { filename: 'job.py' });
      assert.equal(outcome, 'OUTCOME_RAISED');
      assert.equal(error.type, 'ValueError');
      assert.equal(error.message, 'no');
      assert.deepEqual(error.frames.map((f) => [f.filename, f.line, f.function]),
        [['job.py', 3, '<module>'], ['job.py', 2, 'f']]);
      assert.equal(error.frames[1].source, 'raise ValueError("no")');
      assert.match(error.traceback,
        /^Traceback \(most recent call last\):\n {2}File "job.py", line 3, in <module>\n {4}f\(\)\n/);
      assert.match(error.traceback, /\nValueError: no\n$/);
    });

    test('a syntax error has its place', async () => {
      const { outcome, error } = await client.execute('x = (1,\ny = 2\n');
      assert.equal(outcome, 'OUTCOME_RAISED');
      assert.equal(error.type, 'SyntaxError');
      assert.equal(error.syntax.line, 1);
      assert.equal(error.syntax.offset, 5);
      assert.equal(error.syntax.text, 'x = (1,\n');
    });

    test('sys.exit has its status', async () => {
      const response = await client.execute('import sys; sys.exit(3)');
      assert.equal(response.outcome, 'OUTCOME_COMPLETED');
      assert.equal(response.exit_status, 3);
    });

    test('a worker that crashes costs its own execution only', async () => {
      const crash = await client.execute('import os, signal; os.kill(os.getpid(), signal.SIGSEGV)');
      assert.equal(crash.outcome, 'OUTCOME_WORKER_DIED');
      assert.equal(crash.death.signal, 11);
      assert.ok(crash.death.description);
      const exit = await client.execute('import os; os._exit(9)');
      assert.equal(exit.outcome, 'OUTCOME_WORKER_DIED');
      assert.equal(exit.death.exit_status, 9);
      assert.equal((await client.execute('1')).result.integer, '1');
    });

    test('nothing is left of the execution before', async () => {
      await client.execute('import sys, os\nsys.seen = x = 1\nopen("/tmp/seen", "w").close()');
      const { result } = await client.execute(
        'import sys, os\n("x" in globals(), hasattr(sys, "seen"), os.path.exists("/tmp/seen"))');
      assert.deepEqual(result.tuple.items.map((item) => item.boolean), [false, false, false]);
    });

    test('usage and enforcement are filled in', async () => {
      const { usage, enforcement, execution_id } = await client.execute('sum(range(10**6))');
      assert.ok(execution_id);
      assert.ok(Number(usage.wall_time.nanos) > 0);
      assert.ok(Number(usage.peak_memory_bytes) > 0);
      for (const layer of ['pid_namespace', 'user_namespace', 'network_namespace', 'no_new_privs']) {
        assert.ok(enforcement.layers.includes(layer), layer);
      }
    });

    test('fifty at a time', async () => {
      const all = Array.from({ length: 50 }, (_, i) => client.execute(`${i} + 1`));
      const results = await Promise.all(all);
      assert.deepEqual(results.map((r) => Number(r.result.integer)), results.map((_, i) => i + 1));
    });
  });
}
