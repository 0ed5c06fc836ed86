import assert from 'node:assert/strict';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { Daemon, binary } from './daemon.mjs';
import { Client } from './vivarium.mjs';

async function outcomeOf(...words) {
  const process = spawn(binary, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  process.stderr.on('data', (data) => { text += data; });
  const [code] = await once(process, 'close');
  return { code, text };
}

test('the socket is its owner\'s only', async () => {
  const daemon = await Daemon.start();
  assert.equal(statSync(daemon.socket).mode & 0o777, 0o600);
  await daemon.stop();
});

test('two daemons never share a socket', async () => {
  const daemon = await Daemon.start();
  const { code, text } = await outcomeOf('--listen', daemon.unixTarget);
  assert.notEqual(code, 0);
  assert.match(text, /v\.sock/);
  const client = new Client(daemon.unixTarget);
  assert.equal((await client.execute('1')).result.integer, '1');
  client.close();
  await daemon.stop();
});

test('a killed daemon leaves nothing that stops the next', async () => {
  const daemon = await Daemon.start();
  await daemon.end('SIGKILL');
  await daemon.run();
  const client = new Client(daemon.unixTarget);
  assert.equal((await client.execute('1')).result.integer, '1');
  client.close();
  await daemon.stop();
});

test('wrong words are refused with words', async () => {
  for (const words of [['--nothing'], ['--listen'], ['--workers-max', '-1'], ['stray']]) {
    const { code, text } = await outcomeOf(...words);
    assert.notEqual(code, 0, words.join(' '));
    assert.ok(text.trim(), words.join(' '));
  }
});

test('Describe says what this is', async () => {
  const daemon = await Daemon.start();
  const client = new Client(daemon.unixTarget, { tenant: 'acme' });
  const description = await client.call('Describe', {});
  assert.match(JSON.stringify(description), /CPython 3\.11/);
  assert.match(JSON.stringify(description), /acme/);
  client.close();
  await daemon.stop();
});
