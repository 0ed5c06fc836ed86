import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon } from './daemon.mjs';
import { Client } from './vivarium.mjs';

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

async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

const joined = (events, stream) => Buffer.concat(
  events.filter((e) => e.output?.stream === stream).map((e) => e.output.data));

test('started, output, finished', async () => {
  const events = await collect(client.stream(
    'import sys\nfor i in range(3):\n    print(i)\nprint("e", file=sys.stderr)\n7',
    { execution_id: 's-1' }));
  assert.equal(events[0].started.execution_id, 's-1');
  assert.deepEqual(joined(events, 'STREAM_STDOUT'), Buffer.from('0\n1\n2\n'));
  assert.deepEqual(joined(events, 'STREAM_STDERR'), Buffer.from('e\n'));
  const { finished } = events.at(-1);
  assert.equal(finished.outcome, 'OUTCOME_COMPLETED');
  assert.equal(finished.result.integer, '7');
  assert.deepEqual(finished.stdout, Buffer.from('0\n1\n2\n'));
  assert.equal(events.filter((e) => e.started || e.finished).length, 2);
});

// The code never ends by itself: what arrives arrives while it runs.
test('output arrives while the code runs', async () => {
  const stream = client.stream('import os\nos.write(1, b"here\\n")\nwhile True: pass', { execution_id: 's-2' });
  let finished;
  for await (const event of stream) {
    if (event.output) await client.cancel('s-2');
    if (event.finished) finished = event.finished;
  }
  assert.equal(finished.outcome, 'OUTCOME_CANCELLED');
  assert.deepEqual(finished.stdout, Buffer.from('here\n'));
});

test('a megabyte, whole and in order', async () => {
  const events = await collect(client.stream('for i in range(100000): print(f"{i:09d}")'));
  const expected = Array.from({ length: 100000 }, (_, i) => `${String(i).padStart(9, '0')}\n`);
  assert.equal(joined(events, 'STREAM_STDOUT').toString(), expected.join(''));
});

test('a client that stops reading holds up nobody else', async () => {
  const idle = client.stream('while True: print("x" * 1000)',
    { execution_id: 's-3', limits: { output_bytes: 60 << 20 } });
  idle.on('error', () => {});
  idle.pause();
  await client.running('s-3');
  assert.equal((await client.execute('1 + 1')).result.integer, '2');
  idle.cancel();
  await client.until('s-3', undefined);
});

test('errors come with their status', async () => {
  await assert.rejects(collect(client.stream('1', { execution_id: 'not good' })), { code: 3 });
});
