import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import grpc from '@grpc/grpc-js';
import { Daemon } from './daemon.mjs';
import { Client, health } from './vivarium.mjs';

const SERVICE = 'vivarium.v1.Vivarium';

function connectTo(daemon) {
  return new health.Health(daemon.unixTarget, grpc.credentials.createInsecure());
}

function check(stub, service) {
  return new Promise((resolve, reject) => {
    stub.Check({ service }, (error, response) => (error ? reject(error) : resolve(response)));
  });
}

test('Check', async () => {
  const daemon = await Daemon.start();
  const stub = connectTo(daemon);
  assert.equal((await check(stub, '')).status, 'SERVING');
  assert.equal((await check(stub, SERVICE)).status, 'SERVING');
  await assert.rejects(check(stub, 'nothing'), { code: grpc.status.NOT_FOUND });
  stub.close();
  await daemon.stop();
});

test('Watch of a service that is none', async () => {
  const daemon = await Daemon.start();
  const stub = connectTo(daemon);
  const watch = stub.Watch({ service: 'nothing' });
  watch.on('error', () => {});
  const [first] = await once(watch, 'data');
  assert.equal(first.status, 'SERVICE_UNKNOWN');
  watch.cancel();
  stub.close();
  await daemon.stop();
});

test('a drain turns Watch, lets the running end and takes no more', async () => {
  const daemon = await Daemon.start('--drain-grace', '30');
  const stub = connectTo(daemon);
  const client = new Client(daemon.unixTarget);
  const watch = stub.Watch({ service: SERVICE });
  const seen = [];
  let turned;
  const notServing = new Promise((resolve) => { turned = resolve; });
  watch.on('error', () => {});
  watch.on('data', ({ status }) => {
    seen.push(status);
    if (status === 'NOT_SERVING') turned();
  });
  await once(watch, 'data');
  const running = client.stream('print("in", flush=True)\nimport time\ntime.sleep(1)\n"done"');
  let finished;
  running.on('data', (event) => { finished = event.finished ?? finished; });
  await once(running, 'data');
  daemon.process.kill('SIGTERM');
  await notServing;
  await assert.rejects(client.execute('1'), { code: grpc.status.UNAVAILABLE });
  await once(running, 'end');
  assert.equal(finished.result.text, 'done');
  assert.deepEqual(seen, ['SERVING', 'NOT_SERVING']);
  const [code] = await daemon.exited;
  assert.equal(code, 0, daemon.log);
  client.close();
  stub.close();
});

test('a drain cancels what outlives its grace', async () => {
  const daemon = await Daemon.start('--drain-grace', '0.1');
  const client = new Client(daemon.unixTarget);
  const execution = client.execute('while True: pass', { execution_id: 'd-1' });
  await client.running('d-1');
  daemon.process.kill('SIGTERM');
  const { outcome, cancellation } = await execution;
  assert.equal(outcome, 'OUTCOME_CANCELLED');
  assert.equal(cancellation.cause, 'CAUSE_DRAIN');
  const [code] = await daemon.exited;
  assert.equal(code, 0, daemon.log);
  client.close();
});
