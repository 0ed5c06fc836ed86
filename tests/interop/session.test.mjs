// Sessions: a scope that outlives executions, the worker that holds it, and the
// daemon.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Daemon } from './daemon.mjs';
import { Client, refused, seconds, status } from './vivarium.mjs';

const names = (manifest) => Object.fromEntries(
  manifest.entries.map((e) => [e.name, e.disposition.replace('DISPOSITION_', '')]));

// The session that most tests use.
async function open(client, fields = {}) {
  const { session_id } = await client.call('OpenSession', fields);
  return {
    id: session_id,
    run: (code, more = {}, options = {}) =>
      client.execute(code, { session_id, ...more }, options),
    scope: () => client.call('GetScope', { session_id }),
    close: () => client.call('CloseSession', { session_id }),
  };
}

const info = async (client, id) =>
  (await client.call('ListSessions', {})).sessions.find((s) => s.session_id === id);

describe('a session', () => {
  let daemon, client;

  before(async () => {
    daemon = await Daemon.start('--workers-max', '6', '--workers-warm', '1',
      '--sessions-resident', '2');
    client = new Client(daemon.unixTarget);
  });
  after(() => {
    client.close();
    return daemon.stop();
  });

  test('its names outlive an execution', async () => {
    const s = await open(client);

    await s.run('global_a = 123\ndef func_a():\n    print(global_a)');
    const { stdout, session } = await s.run('global_a = 5\nfunc_a()');
    assert.equal(String(stdout), '5\n');
    assert.equal(session.session_id, s.id);
    assert.equal(session.restored, false);
    await s.close();
  });

  test('identity, too: the worker stays', async () => {
    const s = await open(client);

    await s.run('import os, threading\nlock = threading.Lock()\npid = os.getpid()');
    const { result_repr } = await s.run('lock.acquire(), pid == os.getpid()');
    assert.equal(result_repr, '(True, True)');
    await s.close();
  });

  test('one execution at a time, in order', async () => {
    const s = await open(client);

    await s.run('import time\nseen = []\nbusy = False');
    const code = (i) => `assert not busy\nbusy = True\ntime.sleep(0.01)\nseen.append(${i})\nbusy = False`;
    const runs = await Promise.all([...Array(10).keys()].map((i) => s.run(code(i))));
    assert.deepEqual(runs.map((r) => r.outcome), Array(10).fill('OUTCOME_COMPLETED'));
    assert.equal((await s.run('seen')).result_repr, '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]');
    await s.close();
  });

  test('an exception and a cancel leave it as it was', async () => {
    const s = await open(client);

    await s.run('n = 1');
    assert.equal((await s.run('n = 2\n1 / 0')).outcome, 'OUTCOME_RAISED');
    const cancelled = await s.run('n = 3\nwhile True: n += 0', { limits: { wall_time: seconds(0.1) } });
    assert.equal(cancelled.outcome, 'OUTCOME_WALL_TIME_EXCEEDED');
    const { result_repr, session } = await s.run('n');
    assert.equal(result_repr, '3');
    assert.equal(session.restored, false);
    await s.close();
  });

  test('stdin is of one execution', async () => {
    const s = await open(client);
    const read = 'import sys\nsys.stdin.read()';

    assert.equal((await s.run(read, { stdin: Buffer.from('one') })).result_repr, "'one'");
    assert.equal((await s.run(read)).result_repr, "''");
    assert.equal((await s.run(read, { stdin: Buffer.from('two') })).result_repr, "'two'");
    await s.close();
  });

  test('opened with a scope, read and replaced', async () => {
    const scope = (n) => ({ format_version: 1, names: [{ name: 'n', value: { integer: n } }] });
    const s = await open(client, { scope: scope(1) });

    await s.run('m = n + 1');
    const read = await s.scope();
    assert.deepEqual(read.scope.names.map((n) => [n.name, n.value.integer]), [['n', '1'], ['m', '2']]);
    assert.deepEqual(names(read.manifest), { n: 'CARRIED', m: 'CARRIED' });
    const set = await client.call('SetScope', { session_id: s.id, scope: scope(7) });
    assert.deepEqual(names(set.restore_manifest), { n: 'CARRIED' });
    assert.equal((await s.run("n, 'm' in globals()")).result_repr, '(7, False)');
    await assert.rejects(client.call('SetScope', { session_id: s.id, scope: { format_version: 9 } }),
      refused(status.INVALID_ARGUMENT));
    assert.equal((await s.run('n')).result_repr, '7');
    await s.close();
    await assert.rejects(client.call('OpenSession', { session_id: 'bad', scope: { format_version: 9 } }),
      refused(status.INVALID_ARGUMENT));
    await assert.rejects(client.execute('1', { session_id: 'bad' }), refused(status.NOT_FOUND));
  });

  test('names that are wrong, taken or gone', async () => {
    const s = await open(client, { session_id: 'mine' });

    await assert.rejects(client.call('OpenSession', { session_id: 'mine' }), refused(status.ALREADY_EXISTS));
    await assert.rejects(client.call('OpenSession', { session_id: 'a b' }), refused(status.INVALID_ARGUMENT));
    await assert.rejects(client.execute('1', { session_id: 'none' }), refused(status.NOT_FOUND));
    await assert.rejects(client.call('GetScope', { session_id: 'none' }), refused(status.NOT_FOUND));
    await assert.rejects(client.call('CloseSession', { session_id: 'none' }), refused(status.NOT_FOUND));
    await assert.rejects(client.execute('1', { session_id: 'mine', scope: { format_version: 1 } }),
      refused(status.INVALID_ARGUMENT));
    await s.close();
    await assert.rejects(s.run('1'), refused(status.NOT_FOUND));
    await assert.rejects(s.close(), refused(status.NOT_FOUND));
  });

  test('another tenant has none of it', async () => {
    const other = new Client(daemon.unixTarget, { tenant: 'other' });
    const s = await open(client, { session_id: 'shared-name' });

    await assert.rejects(other.execute('1', { session_id: s.id }), refused(status.NOT_FOUND));
    await assert.rejects(other.call('CloseSession', { session_id: s.id }), refused(status.NOT_FOUND));
    assert.equal(await info(other, s.id), undefined);
    const theirs = await open(other, { session_id: 'shared-name' });
    await s.run('x = 1');
    assert.equal((await theirs.run("'x' in globals()")).result_repr, 'False');
    await Promise.all([s.close(), theirs.close()]);
    other.close();
  });

  test('evicted, and back with all that travels', async () => {
    const s = await open(client);

    await s.run('import threading\nlock = threading.Lock()\nrows = [1, 2]\nsame = rows');
    assert.equal((await info(client, s.id)).resident, true);
    const others = await Promise.all([open(client), open(client)]);
    for (const o of others) await o.run('x = 1');
    while ((await info(client, s.id)).resident) await new Promise((r) => { setTimeout(r, 5); });
    const { result_repr, session, restore_manifest } =
      await s.run("rows is same, 'lock' in globals()");
    assert.equal(result_repr, '(True, False)');
    assert.equal(session.restored_from, 'RESTORED_FROM_EVICTION');
    assert.ok(session.snapshot_age);
    assert.deepEqual(names(restore_manifest),
      { threading: 'CARRIED', rows: 'CARRIED', same: 'CARRIED', lock: 'OMITTED' });
    await Promise.all([s, ...others].map((o) => o.close()));
  });

  test('a crash and a kill cost what was not saved', async () => {
    const s = await open(client, { durability: 'DURABILITY_EVERY_EXECUTION' });

    const { session: first } = await s.run('n = 1');
    assert.equal(first.saved, true);
    const died = await s.run('n = 2\nimport os\nos.abort()');
    assert.equal(died.outcome, 'OUTCOME_WORKER_DIED');
    assert.equal(died.session.saved, false);
    let back = await s.run('n');
    assert.deepEqual([back.result_repr, back.session.restored_from], ['1', 'RESTORED_FROM_CRASH']);
    const killed = await s.run('n = 3\ntry:\n  while True: pass\nfinally:\n  while True: pass',
      { limits: { wall_time: seconds(0.05), cancel_grace: seconds(0.05), cleanup_grace: seconds(0.05) } });
    assert.equal(killed.cancellation.delivery, 'DELIVERY_KILLED');
    back = await s.run('n');
    assert.deepEqual([back.result_repr, back.session.restored_from], ['1', 'RESTORED_FROM_KILL']);
    await s.close();
  });

  test('a traceback through an earlier execution shows its lines', async () => {
    const s = await open(client);

    await s.run('def f(x):\n    return 1 / x  # of the first');
    const { error } = await s.run('# another first line\nf(0)  # of the second');
    assert.match(error.traceback, /return 1 \/ x {2}# of the first/);
    assert.match(error.traceback, /f\(0\) {2}# of the second/);
    assert.deepEqual(error.frames.map((f) => f.filename), ['<execution 2>', '<execution 1>']);
    assert.deepEqual(error.frames.map((f) => f.source),
      ['f(0)  # of the second', 'return 1 / x  # of the first']);
    await s.close();
  });

  test('closing cancels what runs and what waits', async () => {
    const s = await open(client);
    const running = s.run('while True: pass', { execution_id: 'loop' });

    await client.running('loop');
    assert.equal((await info(client, s.id)).execution_id, 'loop');
    const waiting = s.run('1');
    // Until it waits, the session must not be gone.
    await client.until('loop', 'EXECUTION_STATE_RUNNING');
    await s.close();
    assert.equal((await running).cancellation.cause, 'CAUSE_SESSION_CLOSED');
    const ended = await waiting.catch((error) => error);
    assert.ok(ended.outcome === 'OUTCOME_CANCELLED' || ended.code === status.NOT_FOUND);
  });

  test('exit functions run when it is closed', async () => {
    const s = await open(client);

    // What they do must be seen from outside: output of a session's end is
    // nobody's, so this one holds up the close.
    await s.run('import atexit, time\natexit.register(time.sleep, 0.3)');
    const before = process.hrtime.bigint();
    await s.close();
    assert.ok(process.hrtime.bigint() - before > 250_000_000n);
  });

  test('idle for too long', async () => {
    const s = await open(client, { idle_timeout: seconds(0.2) });

    await s.run('x = 1');
    while (await info(client, s.id)) await new Promise((r) => { setTimeout(r, 20); });
    await assert.rejects(s.run('x'), refused(status.NOT_FOUND));
  });

  test('more sessions than workers', async () => {
    const all = await Promise.all([...Array(12).keys()].map(() => open(client)));

    await Promise.all(all.map((s, i) => s.run(`mine = ${i}`)));
    for (let round = 0; round < 2; round++) {
      const answers = await Promise.all(all.map((s) => s.run('mine += 100\nmine')));
      assert.deepEqual(answers.map((a) => Number(a.result_repr)), all.map((_, i) => i + 100 * (round + 1)));
    }
    const fresh = await Promise.all([...Array(20).keys()].map((i) => client.execute(`${i}`)));
    assert.deepEqual(fresh.map((r) => Number(r.result_repr)), [...Array(20).keys()]);
    await Promise.all(all.map((s) => s.close()));
  });
});

describe('sessions in a file', () => {
  let folder, daemon, client;
  const flags = () => ['--store', join(folder, 'sessions.db'), '--workers-warm', '1'];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'viv-store-'));
    daemon = await Daemon.start(...flags());
    client = new Client(daemon.unixTarget);
  });
  after(async () => {
    client.close();
    await daemon.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function again(signal) {
    client.close();
    await daemon.end(signal);
    await daemon.run(flags());
    client = new Client(daemon.unixTarget);
  }

  const back = async (id, code) => {
    const { result_repr, session } = await client.execute(code, { session_id: id });
    return [result_repr, session.restored_from];
  };

  test('a restart', async () => {
    await (await open(client, { session_id: 'kept' })).run('n = 41\ndef f(): return n + 1');
    await open(client, { session_id: 'unused' });
    await again('SIGTERM');
    assert.deepEqual(await back('kept', 'f()'), ['42', 'RESTORED_FROM_RESTART']);
    assert.equal((await client.execute('1', { session_id: 'unused' })).session.restored, false);
  });

  test('kill -9 in the middle of an execution', async () => {
    const s = await open(client, { session_id: 'safe', durability: 'DURABILITY_EVERY_EXECUTION' });

    await s.run('n = 1');
    const running = s.run('n = 2\nwhile True: pass', { execution_id: 'x' }).catch((e) => e);
    await client.running('x');
    await again('SIGKILL');
    assert.equal((await running).code, status.UNAVAILABLE);
    assert.deepEqual(await back('safe', 'n'), ['1', 'RESTORED_FROM_RESTART']);
  });
});

describe('two daemons and one Redis', () => {
  let folder, redis, daemons, clients;
  const nap = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'viv-redis-'));
    const socket = join(folder, 'redis.sock');
    redis = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--dir', folder,
      '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
    while (!existsSync(socket)) await nap(10);
    const flags = ['--store', `redis+unix://${socket}`, '--store-key', join(folder, 'key'),
      '--session-lease', '2', '--workers-warm', '1'];
    daemons = [await Daemon.start(...flags), await Daemon.start(...flags)];
    clients = daemons.map((d) => new Client(d.unixTarget));
  });
  after(async () => {
    clients.forEach((c) => c.close());
    await daemons[1].stop();
    redis.kill();
    await once(redis, 'exit');
    rmSync(folder, { recursive: true, force: true });
  });

  test('a session is in one place at a time, and goes on in the other', async () => {
    const session_id = 'moving';
    const saved = 'DURABILITY_EVERY_EXECUTION';
    const run = (i, code, more = {}) => clients[i].execute(code, { session_id, ...more });

    await clients[0].call('OpenSession', { session_id, durability: saved });
    await run(0, 'n = 41\ndef f(): return n + 1');
    await assert.rejects(run(1, 'n'), refused(status.UNAVAILABLE));
    assert.equal((await info(clients[1], session_id)).resident, false);
    // The lease outlives many renewals, and ends with its holder.
    await nap(3000);
    await assert.rejects(run(1, 'n'), refused(status.UNAVAILABLE));
    const running = run(0, 'n = 0\nwhile True: pass', { execution_id: 'x' }).catch((e) => e);
    await clients[0].running('x');
    await daemons[0].end('SIGKILL');
    assert.equal((await running).code, status.UNAVAILABLE);
    let answer;
    for (let tries = 0; !answer && tries < 100; tries++) {
      answer = await run(1, 'f()').catch(() => nap(100));
    }
    assert.equal(answer.result_repr, '42');
    assert.equal(answer.session.restored_from, 'RESTORED_FROM_OTHER_SUPERVISOR');
  });
});
