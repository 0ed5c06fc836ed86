// Names that go from one execution to the next, as protobuf that JavaScript
// reads and builds.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Daemon } from './daemon.mjs';
import { Client } from './vivarium.mjs';

describe('scopes', () => {
  let daemon, client;

  before(async () => {
    daemon = await Daemon.start();
    client = new Client(daemon.unixTarget);
  });
  after(() => {
    client.close();
    return daemon.stop();
  });

  test('a function prints the global of the scope that it is called in', async () => {
    const first = await client.execute('global_a = 123\ndef func_a():\n    print(global_a)',
      { return_scope: true });
    const second = await client.execute('global_a = 5\nfunc_a()', { scope: first.scope });

    assert.equal(String(second.stdout), '5\n');
    assert.deepEqual(second.restore_manifest.entries.map((e) => [e.name, e.disposition]),
      [['global_a', 'DISPOSITION_CARRIED'], ['func_a', 'DISPOSITION_CARRIED']]);
  });

  test('a scope can be built without Python', async () => {
    const scope = {
      format_version: 1,
      names: [
        { name: 'threshold', value: { floating: 0.5 } },
        { name: 'rows', value: { list: { items: [{ integer: 1 }, { integer: 2 }] } } },
      ],
    };
    const { result } = await client.execute('sum(rows) * threshold', { scope });

    assert.equal(result.floating, 1.5);
  });

  test('what can not travel is named', async () => {
    const { scope, manifest } = await client.execute(
      'import threading\ns = threading.Lock()\nn = 1', { return_scope: true });
    const left = manifest.entries.find((e) => e.name === 's');

    assert.deepEqual(scope.names.map((n) => n.name), ['threading', 'n']);
    assert.equal(left.disposition, 'DISPOSITION_OMITTED');
    assert.equal(left.type, '_thread.lock');
    assert.notEqual(left.reason, '');
  });

  test('a version that nobody knows is refused in words', async () => {
    const { outcome, error } = await client.execute('1', { scope: { format_version: 7 } });

    assert.equal(outcome, 'OUTCOME_RAISED');
    assert.match(error.message, /format version 7/);
  });

  test('the variables survive a cancel', async () => {
    const { outcome, scope, cancellation } = await client.execute('n = 0\nwhile True: n += 1',
      { return_scope: true, limits: { wall_time: { nanos: 200000000 } } });

    assert.equal(outcome, 'OUTCOME_WALL_TIME_EXCEEDED');
    assert.equal(cancellation.delivery, 'DELIVERY_COOPERATIVE');
    assert.deepEqual(scope.names.map((n) => n.name), ['n']);
  });

  test('a reduce without end ends at the wall limit', async () => {
    const { outcome, scope, manifest, cancellation } = await client.execute(
      'class R:\n    def __reduce__(self):\n        while True: pass\nr = R()',
      { return_scope: true, limits: { wall_time: { nanos: 300000000 } } });

    assert.equal(outcome, 'OUTCOME_WALL_TIME_EXCEEDED');
    assert.equal(cancellation.delivery, 'DELIVERY_COOPERATIVE');
    assert.equal(scope, null);
    assert.notEqual(manifest.entries[0].reason, '');
  });
});
