// Bad input: a clear status each, and the daemon serves the next caller.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { Daemon } from './daemon.mjs';
import { Client, refused, seconds, status } from './vivarium.mjs';

const EXECUTE = '/vivarium.v1.Vivarium/Execute';

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
afterEach(async () => {
  assert.equal((await client.execute('1 + 1')).result.integer, '2');
});

const invalid = refused(status.INVALID_ARGUMENT);

test('10 MB of code', async () => {
  const { outcome, result } = await client.execute(`${'#'.repeat(10 << 20)}\n"end"`);
  assert.equal(outcome, 'OUTCOME_COMPLETED');
  assert.equal(result.text, 'end');
});

test('10 MB of code that does not compile', async () => {
  const { outcome, error } = await client.execute('('.repeat(10 << 20));
  assert.equal(outcome, 'OUTCOME_RAISED');
  assert.equal(error.type, 'SyntaxError');
});

test('a NUL in code is the compiler\'s complaint or a bad argument', async () => {
  try {
    const { error } = await client.execute('x = "\0"');
    assert.match(error.message, /null bytes/);
  } catch (error) {
    invalid(error);
  }
});

test('invalid UTF-8 in a string field', async () => {
  await assert.rejects(client.raw(EXECUTE, Buffer.from([0x12, 1, 0xff])), invalid);
});

test('a message that is no message', async () => {
  await assert.rejects(client.raw(EXECUTE, Buffer.from('garbage')), invalid);
  await assert.rejects(client.raw(EXECUTE, Buffer.from([0x12, 0xff, 0xff, 0xff, 0x7f])), invalid);
});

function varint(n) {
  const bytes = [];
  for (; n > 127; n >>>= 7) bytes.push((n & 127) | 128);
  return Buffer.from([...bytes, n]);
}

// A list in a list in a list, written from the inside to the outside.
test('nesting of 100,000 levels', async () => {
  const LIST = 0x5a;
  const ITEMS = 0x0a;
  const heads = [];
  let size = 0;
  const wrap = (tag) => {
    const head = Buffer.concat([Buffer.from([tag]), varint(size)]);
    heads.push(head);
    size += head.length;
  };
  for (let i = 0; i < 50000; i += 1) {
    wrap(ITEMS);
    wrap(LIST);
  }
  for (const tag of [0x12 /* value */, 0x1a /* names */, 0x22 /* scope */]) wrap(tag);
  await assert.rejects(client.raw(EXECUTE, Buffer.concat(heads.reverse())), invalid);
});

test('an execution_id of other characters, or too long', async () => {
  for (const execution_id of ['a b', 'a/b', 'é', 'x'.repeat(129)]) {
    await assert.rejects(client.execute('1', { execution_id }), invalid, execution_id);
  }
});

test('an execution_id in use', async () => {
  const first = client.execute('while True: pass', { execution_id: 'e-1' });
  await client.running('e-1');
  await assert.rejects(client.execute('1', { execution_id: 'e-1' }), refused(status.ALREADY_EXISTS));
  await client.cancel('e-1', { wait: true });
  await first;
  assert.equal((await client.execute('1', { execution_id: 'e-1' })).outcome, 'OUTCOME_COMPLETED');
});

test('limits above the ceiling', async () => {
  const limits = [
    { wall_time: seconds(3601) }, { cpu_time: seconds(3601) }, { cancel_grace: seconds(61) },
    { cleanup_grace: seconds(61) }, { memory_bytes: '4294967297' }, { pids: 1025 },
    { output_bytes: (64 << 20) + 1 }, { memory_bytes: 1 << 20, memory_soft_bytes: 2 << 20 },
  ];
  for (const limit of limits) {
    await assert.rejects(client.execute('1', { limits: limit }), invalid, JSON.stringify(limit));
  }
});

test('durations that are none', async () => {
  const durations = [
    { seconds: -1 }, { nanos: -1 }, { seconds: 1, nanos: -1 }, { nanos: 1000000000 },
    { seconds: '9223372036854775807' }, { seconds: '-9223372036854775808' },
  ];
  for (const wall_time of durations) {
    await assert.rejects(client.execute('1', { limits: { wall_time } }), invalid,
      JSON.stringify(wall_time));
  }
});

test('a method that is none', async () => {
  await assert.rejects(client.raw('/vivarium.v1.Vivarium/Nothing', Buffer.alloc(0)),
    refused(status.UNIMPLEMENTED));
  await assert.rejects(client.raw('/nothing.v1.Nothing/At', Buffer.alloc(0)),
    refused(status.UNIMPLEMENTED));
});

test('a message above the cap', async () => {
  await assert.rejects(client.execute('1', { stdin: Buffer.alloc((64 << 20) + 1) }),
    refused(status.RESOURCE_EXHAUSTED));
});

test('60 MiB of stdin and of output', async () => {
  const response = await client.execute(
    'import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())\nNone',
    { stdin: Buffer.alloc(60 << 20, 'z'), limits: { output_bytes: 60 << 20 } });
  assert.equal(response.stdout.length, 60 << 20);
  assert.ok(response.stdout.equals(Buffer.alloc(60 << 20, 'z')));
});

test('output past the limit is dropped and said so', async () => {
  const { outcome, stdout, stdout_truncated } = await client.execute('print("x" * 1000)',
    { limits: { output_bytes: 10 } });
  assert.equal(outcome, 'OUTCOME_COMPLETED');
  assert.equal(stdout.toString(), 'x'.repeat(10));
  assert.equal(stdout_truncated, true);
});

test('output past the limit cancels where that is asked for', async () => {
  const { outcome, cancellation } = await client.execute('while True: print("x" * 1000)',
    { limits: { output_bytes: 100000 }, cancel_on_output_limit: true });
  assert.equal(outcome, 'OUTCOME_OUTPUT_EXCEEDED');
  assert.equal(cancellation.cause, 'CAUSE_OUTPUT');
});

test('a thousand streams of one client', async () => {
  const ends = Array.from({ length: 1000 }, (_, i) => new Promise((resolve) => {
    const stream = client.stream(`${i}`);
    let finished;
    stream.on('data', (event) => { finished = event.finished ?? finished; });
    stream.on('error', resolve);
    stream.on('end', () => resolve(finished));
  }));
  for (const end of await Promise.all(ends)) {
    assert.ok(end?.outcome === 'OUTCOME_COMPLETED' || end?.code === status.RESOURCE_EXHAUSTED,
      JSON.stringify(end));
  }
});

test('garbage on the socket', async () => {
  const sent = [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(100000, 0xff),
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff', 'latin1')];
  for (const bytes of sent) {
    const socket = connect(daemon.socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    // The daemon may reset the connection: any end of it will do.
    const closed = new Promise((resolve) => { socket.on('close', resolve); });
    socket.end(bytes);
    socket.resume();
    await closed;
  }
});
