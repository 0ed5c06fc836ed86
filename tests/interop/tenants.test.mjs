// Tenants of a configuration file: quotas that callers see, refusals that say when
// to come again, and a file that is read again while executions run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import protobuf from 'protobufjs';
import { binary, Daemon } from './daemon.mjs';
import { Client, refused, status } from './vivarium.mjs';

const first = `
workers_max: 4
tenants:
  - name: small
    running: 1
    queued: 0
    weight: 3
    rate: 1000
    burst: 50
    ceilings: {pids: 77}
  - name: large
    memory_bytes: 1GiB
`;

// google.rpc.Status and RetryInfo, as googleapis has them.
const rpc = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
`, { keepCase: true }).root;

let folder;
let file;
let daemon;
let small;
let large;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'viv-config-'));
  file = join(folder, 'vivariumd.yaml');
  writeFileSync(file, first);
  daemon = await Daemon.start('--config', file, '--queue-max', '40');
  small = new Client(daemon.unixTarget, { tenant: 'small' });
  large = new Client(daemon.unixTarget, { tenant: 'large' });
});
after(async () => {
  small.close();
  large.close();
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

// Until the log has a line that `pattern` matches behind what was there.
async function logged(from, pattern) {
  for (;;) {
    const found = daemon.log.slice(from).split('\n').find((line) => pattern.test(line));
    if (found) return JSON.parse(found);
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
}

async function reload(text, pattern) {
  const from = daemon.log.length;
  writeFileSync(file, text);
  daemon.process.kill('SIGHUP');
  return logged(from, pattern);
}

async function running(client, id) {
  for (;;) {
    const { executions } = await client.call('ListExecutions', {});
    const own = executions.find((e) => e.execution_id === id);
    if (own?.state === 'EXECUTION_STATE_RUNNING') return;
  }
}

test('a tenant is told its own quotas, defaults and ceilings', async () => {
  const a = await small.call('Describe', {});
  assert.equal(a.quotas.running, 1);
  assert.equal(a.quotas.queued, 0);
  assert.equal(a.quotas.weight, 3);
  assert.equal(a.quotas.rate, 1000);
  assert.equal(a.quotas.burst, 50);
  assert.equal(a.ceilings.pids, 77);
  assert.equal(a.defaults.pids, 64);
  const b = await large.call('Describe', {});
  assert.equal(b.quotas.running, 4);
  // The flag goes before the file.
  assert.equal(b.quotas.queued, 40);
  assert.equal(b.quotas.memory_bytes, String(1 << 30));
  assert.equal(b.ceilings.memory_bytes, String(1 << 30));
});

test('a tenant that is not in the file is refused', async () => {
  const stranger = new Client(daemon.unixTarget, { tenant: 'stranger' });
  await assert.rejects(stranger.execute('1'), refused(status.PERMISSION_DENIED));
  await assert.rejects(stranger.call('Describe', {}), refused(status.PERMISSION_DENIED));
  stranger.close();
});

test('past its quota a tenant is told when to come again', async () => {
  const busy = small.execute('import time; time.sleep(100)', { execution_id: 'busy' });
  await running(small, 'busy');
  await assert.rejects(small.execute('1'), (error) => {
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
    const [bytes] = error.metadata.get('grpc-status-details-bin');
    const details = rpc.lookupType('google.rpc.Status').decode(bytes);
    assert.equal(details.code, status.RESOURCE_EXHAUSTED);
    assert.equal(details.message, error.details);
    assert.equal(details.details[0].type_url, 'type.googleapis.com/google.rpc.RetryInfo');
    const { retry_delay: delay } =
      rpc.lookupType('google.rpc.RetryInfo').decode(details.details[0].value);
    assert.ok(Number(delay.seconds) + delay.nanos > 0);
    return true;
  });
  assert.equal((await large.execute('6 * 7')).result.integer, '42');
  await small.call('Cancel', { execution_id: 'busy', wait: true });
  assert.equal((await busy).outcome, 'OUTCOME_CANCELLED');
});

test('other errors have no such details', async () => {
  await assert.rejects(small.execute('1', { limits: { pids: 78 } }), (error) => {
    assert.equal(error.code, status.INVALID_ARGUMENT);
    assert.match(error.details, /ceiling of 77/);
    assert.deepEqual(error.metadata.get('grpc-status-details-bin'), []);
    return true;
  });
});

test('a priority that is none', async () => {
  await assert.rejects(small.execute('1', { priority: 9 }), refused(status.INVALID_ARGUMENT));
  assert.equal((await small.execute('1', { priority: 'PRIORITY_HIGH' })).result.integer, '1');
});

test('the file is read again while executions run', async () => {
  const busy = small.execute('import time; time.sleep(100)', { execution_id: 'kept' });
  await running(small, 'kept');
  const wrong = await reload(first.replace('weight: 3', 'wieght: 3'), /reload_refused/);
  assert.match(wrong.error, /vivariumd\.yaml:7:5: there is no key 'wieght' here; did you mean 'weight'\?/);
  assert.equal((await small.call('Describe', {})).quotas.weight, 3);
  await reload(first.replace('weight: 3', 'weight: 4').replace('running: 1', 'running: 2'), /"reloaded"/);
  assert.equal((await small.call('Describe', {})).quotas.weight, 4);
  // The second place is there at once, and the first is still in use.
  assert.equal((await small.execute('6 * 7')).result.integer, '42');
  await running(small, 'kept');
  await small.call('Cancel', { execution_id: 'kept', wait: true });
  assert.equal((await busy).outcome, 'OUTCOME_CANCELLED');
});

test('not one call fails while the file is read again and again', async () => {
  let over = false;
  const load = Promise.all(Array.from({ length: 3 }, async () => {
    let count = 0;
    for (; !over; count++) {
      const { outcome } = await large.execute('1', { limits: { memory_bytes: 1 << 28 } });
      assert.equal(outcome, 'OUTCOME_COMPLETED');
    }
    return count;
  }));
  for (let i = 0; i < 20; i++) {
    await reload(first.replace('weight: 3', `weight: ${i + 1}`), /"reloaded"/);
  }
  over = true;
  for (const count of await load) assert.ok(count > 0);
});

test('--check-config says what is wrong, and where', () => {
  const check = (text) => {
    writeFileSync(file, text);
    return spawnSync(binary, ['--check-config', '--config', file], { encoding: 'utf8' });
  };
  const right = check(first);
  assert.equal(right.status, 0);
  assert.match(right.stdout, /vivariumd\.yaml: fine/);
  const wrong = check('queue_max: 1\ntenants:\n  - name: a\n    weight: 0\n');
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /vivariumd\.yaml:4:13: tenants\[0\]\.weight must be a whole number from 1 to 10000, not '0'/);
});
