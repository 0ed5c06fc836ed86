// Two supervisors that share nothing but a Redis: a session is run by one at a
// time, whoever dies when, and nothing that was said to be saved is lost.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Client, seconds, status } from '../interop/vivarium.mjs';
import { Network } from './network.mjs';

const SAVED = 'DURABILITY_EVERY_EXECUTION';
const nap = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// Processes of this name, as the machine sees them.
function named(name) {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/comm`, 'utf8').trim() === name;
    } catch {
      return false;
    }
  });
}

// Code that can be seen from outside.
const visible = (name) => `import ctypes\nctypes.CDLL(None).prctl(15, b"${name}")\n`;

describe('two supervisors, one Redis, two networks', () => {
  let network, daemons, clients;

  before(async () => {
    network = new Network();
    network.build(['a', 'b']);
    await network.startRedis();
    daemons = [];
    for (const node of network.nodes) {
      daemons.push(await network.supervisor(node, '--session-lease', '6', '--workers-warm', '1',
        '--workers-max', '4'));
    }
    clients = daemons.map((d) => new Client(d.unixTarget));
  });
  after(async () => {
    clients?.forEach((c) => c.close());
    for (const daemon of daemons ?? []) await daemon.end('SIGKILL');
    await network?.remove();
  });

  async function restart(i) {
    await daemons[i].again();
    clients[i].close();
    clients[i] = new Client(daemons[i].unixTarget);
  }

  // Wherever it is, as a client without routing does: everybody is asked in turn.
  async function anywhere(session_id, code, first = 0) {
    for (let i = first; ; i++) {
      const answer = await clients[i % 2].execute(code, { session_id }).catch((error) => error);
      if (answer.outcome) return { ...answer, by: i % 2 };
      assert.equal(answer.code, status.UNAVAILABLE, answer.details);
      await nap(50);
    }
  }

  test('they share the store and nothing else', () => {
    const [a] = network.nodes;

    assert.ok(network.reaches(a, '10.77.0.1'));
    assert.ok(!network.reaches(a, '10.77.1.2'));
  });

  test('kill -9 in the middle of an execution: the other goes on, and the code is gone', async () => {
    const session_id = 'moved';

    await clients[0].call('OpenSession', { session_id, durability: SAVED });
    await clients[0].execute('n = 41\ndef f(): return n + 1\nrows = [1]\nsame = rows', { session_id });
    const running = clients[0].execute(`${visible('viv-moved')}n = 0\nwhile True: pass`,
      { session_id, execution_id: 'x' }).catch((error) => error);
    await clients[0].running('x');
    while (!named('viv-moved').length) await nap(5);
    await daemons[0].end('SIGKILL');
    assert.equal((await running).code, status.UNAVAILABLE);
    const { result_repr, session, by } = await anywhere(session_id, '(f(), rows is same)', 1);
    assert.deepEqual(named('viv-moved'), []);
    assert.deepEqual([result_repr, by], ['(42, True)', 1]);
    assert.equal(session.restored_from, 'RESTORED_FROM_OTHER_SUPERVISOR');
    await restart(0);
  });

  test('SIGTERM: what is in memory only goes to the other, too, at once', async () => {
    const session_id = 'drained';

    await clients[0].call('OpenSession', { session_id });
    await clients[0].execute('n = 41', { session_id });
    await daemons[0].stop();
    const answer = await clients[1].execute('n + 1', { session_id });
    assert.equal(answer.result_repr, '42');
    assert.equal(answer.session.restored_from, 'RESTORED_FROM_OTHER_SUPERVISOR');
    await restart(0);
  });

  test('cut off from the store: its code stops before the other goes on, and its save comes too late', async () => {
    const session_id = 'cut';

    await clients[0].call('OpenSession', { session_id, durability: SAVED });
    await clients[0].execute('n = 1', { session_id });
    const running = clients[0].execute(`${visible('viv-cut')}n = 2\nwhile True: pass`,
      { session_id, execution_id: 'y' }).catch((error) => error);
    await clients[0].running('y');
    while (!named('viv-cut').length) await nap(5);
    assert.ok(network.leased(session_id) > 0);
    network.cable(network.nodes[0], 'down');
    while (named('viv-cut').length) await nap(5);
    assert.ok(network.leased(session_id) > 0, 'its code has outlived its lease');
    let answer;
    while (!answer) {
      answer = await clients[1].execute('n += 100\nn', { session_id }).catch(() => nap(50));
    }
    assert.deepEqual(named('viv-cut'), []);
    assert.equal(answer.result_repr, '101');
    const ended = await running;
    assert.ok(ended instanceof Error || !ended.session.saved, JSON.stringify(ended));
    network.cable(network.nodes[0], 'up');
    const { result_repr, by } = await anywhere(session_id, 'n');
    assert.deepEqual([result_repr, by], ['101', 1]);
  });

  // Each execution tells when it ran, by the clock that all processes of the
  // machine share, and leaves its token in the session.
  test('hammered at both, through three deaths: never two at once, no save lost', async () => {
    const session_id = 'hammered';
    const answers = [];
    let sent = 0, refused = 0, over = false;

    await clients[0].call('OpenSession', { session_id, durability: SAVED });
    await clients[0].execute('import time\nlog = []\ntotal = 0', { session_id });
    const code = (token) => `begun = time.monotonic_ns()
seen = total
time.sleep(0.002)
log.append(${token})
total = seen + ${token}
(begun, time.monotonic_ns())`;

    async function hammer(i) {
      while (!over) {
        const token = ++sent;
        const answer = await clients[i].execute(code(token), { session_id, limits: { wall_time: seconds(20) } })
          .catch((error) => error);
        if (answer.outcome === 'OUTCOME_COMPLETED') {
          answers.push({ token, by: i, saved: answer.session.saved,
            times: answer.result_repr.match(/\d+/g).map(BigInt) });
        } else {
          assert.ok(answer instanceof Error, `${answer.outcome}: ${answer.error?.traceback}`);
          assert.ok([status.UNAVAILABLE, status.CANCELLED].includes(answer.code), answer.message);
          refused++;
          await nap(10);
        }
      }
    }
    const hammers = [0, 1, 0, 1, 0, 1].map(hammer);

    for (let round = 0; round < 3; round++) {
      const known = answers.length;
      while (answers.length < known + 20) await nap(10);
      const holder = answers.at(-1).by;
      await daemons[holder].end('SIGKILL');
      const before = answers.length;
      while (!answers.slice(before).some((a) => a.by !== holder)) await nap(10);
      await restart(holder);
    }
    over = true;
    await Promise.all(hammers);
    const { result_repr } = await anywhere(session_id, 'import json\n(json.dumps(log), total)');
    const [, list, sum] = result_repr.match(/^\('(\[.*\])', (\d+)\)$/);
    const log = JSON.parse(list);

    // Where a token was saved and its answer lost, it is in the log all the same.
    assert.equal(new Set(log).size, log.length, 'a token twice');
    assert.equal(log.reduce((a, b) => a + b, 0), Number(sum), 'a sum that misses an update');
    for (const { token, saved } of answers) {
      assert.ok(saved);
      assert.ok(log.includes(token), `token ${token} was saved, and is lost`);
    }
    const spans = answers.map((a) => a.times).sort(([a], [b]) => (a < b ? -1 : 1));
    for (let i = 1; i < spans.length; i++) {
      assert.ok(spans[i - 1][1] < spans[i][0], `two at once: ${spans[i - 1]} and ${spans[i]}`);
    }
    assert.deepEqual([...new Set(answers.map((a) => a.by))].sort(), [0, 1]);
    console.log(`# ${answers.length} executions answered, ${log.length} in the log, ${refused} refused`);
  });
});
