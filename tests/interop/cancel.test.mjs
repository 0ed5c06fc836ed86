import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon } from './daemon.mjs';
import { Client, refused, seconds, status } from './vivarium.mjs';

const FOREVER = 'while True: pass';
const STUBBORN = 'while True:\n    try:\n        while True: pass\n    except BaseException: pass';

let daemon;
let client;

before(async () => {
  daemon = await Daemon.start();
  client = new Client(daemon.unixTarget);
});
after(async () => {
  client.close();
  await daemon.stop();
});

function inOrder(receipt, ...names) {
  const times = names.map((name) => Number(receipt[name]));
  assert.ok(times.every((t) => t >= 1), `${names}: ${times}`);
  assert.deepEqual(times, [...times].sort((a, b) => a - b), `${names}`);
}

test('Cancel that waits answers with the receipt', async () => {
  const execution = client.execute(FOREVER, { execution_id: 'c-1' });
  await client.running('c-1');
  const { state, cancellation } = await client.cancel('c-1', { reason: 'enough', wait: true });
  assert.equal(state, 'CANCEL_STATE_FINISHED');
  const response = await execution;
  assert.equal(response.outcome, 'OUTCOME_CANCELLED');
  assert.deepEqual(response.cancellation, cancellation);
  assert.equal(cancellation.cause, 'CAUSE_CANCEL_RPC');
  assert.equal(cancellation.reason, 'enough');
  assert.equal(cancellation.delivery, 'DELIVERY_COOPERATIVE');
  inOrder(cancellation, 'requested_ns', 'flag_set_ns', 'hook_reached_ns', 'raised_ns', 'unwound_ns');
  assert.equal(cancellation.killed_ns, '0');
  assert.equal(cancellation.raise_count, 1);
});

test('the code sees vivarium.Cancelled with the reason and may clean up', async () => {
  const execution = client.execute(
    'try:\n    while True: pass\n'
    + 'except KeyboardInterrupt as e:\n    print(type(e).__module__, type(e).__name__, e.reason)\n    raise\n'
    + 'finally:\n    print("clean")\n', { execution_id: 'c-2' });
  await client.running('c-2');
  await client.cancel('c-2', { reason: 'why not' });
  const { outcome, stdout } = await execution;
  assert.equal(outcome, 'OUTCOME_CANCELLED');
  assert.equal(stdout.toString(), 'vivarium Cancelled why not\nclean\n');
});

test('a blocking call is interrupted', async () => {
  const execution = client.execute('import time\nprint("in", flush=True)\ntime.sleep(1000)',
    { execution_id: 'c-3' });
  await client.running('c-3');
  await client.cancel('c-3');
  assert.equal((await execution).outcome, 'OUTCOME_CANCELLED');
});

test('code that will not end is killed after its grace', async () => {
  const execution = client.execute(STUBBORN,
    { execution_id: 'c-4', limits: { cancel_grace: seconds(0.2) } });
  await client.running('c-4');
  const { cancellation } = await client.cancel('c-4', { wait: true });
  assert.equal(cancellation.delivery, 'DELIVERY_KILLED');
  assert.ok(Number(cancellation.killed_ns) > Number(cancellation.flag_set_ns));
  assert.ok(cancellation.processes_killed >= 1);
  assert.equal((await execution).outcome, 'OUTCOME_CANCELLED');
});

test('force kills at once', async () => {
  const execution = client.execute(FOREVER, { execution_id: 'c-5' });
  await client.running('c-5');
  const { cancellation } = await client.cancel('c-5', { force: true, wait: true });
  assert.equal(cancellation.delivery, 'DELIVERY_KILLED');
  assert.equal(cancellation.hook_reached_ns, '0');
  assert.equal((await execution).outcome, 'OUTCOME_CANCELLED');
});

test('a Cancel that overtakes its Execute still cancels it', async () => {
  assert.equal((await client.cancel('c-6')).state, 'CANCEL_STATE_NOT_FOUND');
  const { outcome, cancellation } = await client.execute(FOREVER, { execution_id: 'c-6' });
  assert.equal(outcome, 'OUTCOME_CANCELLED');
  assert.equal(cancellation.cause, 'CAUSE_CANCEL_RPC');
});

test('a late Cancel cancels nothing and does not hit the next', async () => {
  await client.execute('1', { execution_id: 'c-7' });
  assert.notEqual((await client.cancel('c-7')).state, 'CANCEL_STATE_CANCELLING');
  assert.equal((await client.execute('2', { execution_id: 'c-8' })).outcome, 'OUTCOME_COMPLETED');
});

test('call.cancel() ends the execution', async () => {
  const execution = client.execute(FOREVER, { execution_id: 'c-9' });
  await client.running('c-9');
  execution.call.cancel();
  await assert.rejects(execution, { code: status.CANCELLED });
  await client.until('c-9', undefined);
});

test('a client that vanishes ends its execution', async () => {
  const other = new Client(daemon.unixTarget, { 'grpc.use_local_subchannel_pool': 1 });
  const stream = other.stream(FOREVER, { execution_id: 'c-10' });
  stream.on('error', () => {});
  await client.running('c-10');
  other.stub.getChannel().close();
  stream.cancel();
  await client.until('c-10', undefined);
});

test('detached, it goes on without its client', async () => {
  const execution = client.execute(FOREVER, { execution_id: 'c-11', detach: true });
  await client.running('c-11');
  execution.call.cancel();
  await assert.rejects(execution, { code: status.CANCELLED });
  const { state, cancellation } = await client.cancel('c-11', { wait: true });
  assert.equal(state, 'CANCEL_STATE_FINISHED');
  assert.equal(cancellation.cause, 'CAUSE_CANCEL_RPC');
});

test("the client's deadline is the wall limit, and the answer still arrives", async () => {
  const { outcome, cancellation } = await client.execute(FOREVER, {},
    { deadline: Date.now() + 1500 });
  assert.equal(outcome, 'OUTCOME_WALL_TIME_EXCEEDED');
  assert.equal(cancellation.cause, 'CAUSE_DEADLINE');
});

test('the wall limit', async () => {
  const { outcome, cancellation } = await client.execute(FOREVER,
    { limits: { wall_time: seconds(0.3) } });
  assert.equal(outcome, 'OUTCOME_WALL_TIME_EXCEEDED');
  assert.equal(cancellation.cause, 'CAUSE_WALL_TIME');
});

test('nobody cancels, lists or disturbs what belongs to another tenant', async () => {
  const other = new Client(daemon.unixTarget, { tenant: 'other' });
  const mine = client.execute(FOREVER, { execution_id: 'c-12' });
  await client.running('c-12');
  assert.deepEqual((await other.call('ListExecutions', {})).executions, []);
  assert.equal((await other.cancel('c-12')).state, 'CANCEL_STATE_NOT_FOUND');
  assert.equal((await client.running('c-12')).state, 'EXECUTION_STATE_RUNNING');
  await client.cancel('c-12');
  assert.equal((await mine).outcome, 'OUTCOME_CANCELLED');
  other.close();
});

test('a reason of 257 bytes is refused', async () => {
  await assert.rejects(client.cancel('c-13', { reason: 'x'.repeat(257) }),
    refused(status.INVALID_ARGUMENT));
});
