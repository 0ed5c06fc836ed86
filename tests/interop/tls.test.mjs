// TLS and credentials as clients of other makes bring them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import grpc from '@grpc/grpc-js';
import { Daemon, binary, freePort, root } from './daemon.mjs';
import { Client, health, refused, status } from './vivarium.mjs';

const run = promisify(execFile);
const modules = new URL('node_modules/@bufbuild/', import.meta.url).pathname;
const buf = join(modules, readdirSync(modules).find((name) => name.startsWith('buf-linux')), 'bin/buf');
const EXECUTE = 'vivarium.v1.Vivarium/Execute';
const TOKEN = 'bob-0123456789abcdefghijklmnopqrstuvwxy';

const folder = mkdtempSync(join(tmpdir(), 'viv-tls-'));
const path = (name) => join(folder, name);
const pem = (name) => readFileSync(path(name));
let daemon;
let target;

function hash(token) {
  return new Promise((resolve, reject) => {
    const child = execFile(binary, ['--hash-token'],
      (error, stdout) => (error ? reject(error) : resolve(stdout.trim())));
    child.stdin.end(token);
  });
}

async function writeTokens(tokens) {
  const lines = await Promise.all(
    Object.entries(tokens).map(async ([token, tenant]) => `${tenant} ${await hash(token)}\n`));
  writeFileSync(path('tokens.new'), lines.join(''));
  renameSync(path('tokens.new'), path('tokens'));
}

async function until(done) {
  for (let i = 0; i < 2000 && !done(); i += 1) {
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
  assert.ok(done());
}

before(async () => {
  await run(join(root, 'tests/service/certs.sh'), [folder]);
  await writeTokens({ [TOKEN]: 'bob' });
  target = `localhost:${await freePort()}`;
  daemon = await Daemon.startWith(['--listen', `${target},tls`, '--token-file', path('tokens'),
    '--tls-cert', path('server.pem'), '--tls-key', path('server.key'),
    '--tls-client-ca', path('ca.pem'), '--cert-tenant', 'URI:spiffe://example/alice=alice',
    '--cert-tenant', 'CN:bob=bob'], ',auth=open');
});

after(async () => {
  await daemon.stop();
  rmSync(folder, { recursive: true, force: true });
});

function credentials(name, authority = 'ca') {
  return name
    ? grpc.credentials.createSsl(pem(`${authority}.pem`), pem(`${name}.key`), pem(`${name}.pem`))
    : grpc.credentials.createSsl(pem(`${authority}.pem`));
}

function connect({ certificate, token, tenant, authority }) {
  const client = new Client(target, { tenant, credentials: credentials(certificate, authority) });
  if (token) client.metadata.set('authorization', `Bearer ${token}`);
  return client;
}

async function withClient(options, body) {
  const client = connect(options);
  try {
    return await body(client);
  } finally {
    client.close();
  }
}

test('grpc-js: a client certificate', () => withClient({ certificate: 'alice' }, async (client) => {
  const { result_repr: repr } = await client.execute('6 * 7');
  assert.equal(repr, '42');
}));

test('grpc-js: a token', () => withClient({ token: TOKEN }, async (client) => {
  const { result_repr: repr } = await client.execute('6 * 7');
  assert.equal(repr, '42');
}));

test('grpc-js: a token as call credentials', async () => {
  const token = grpc.credentials.createFromMetadataGenerator((_, done) => {
    const metadata = new grpc.Metadata();
    metadata.set('authorization', `Bearer ${TOKEN}`);
    done(null, metadata);
  });
  const client = new Client(target,
    { credentials: grpc.credentials.combineChannelCredentials(credentials(), token) });
  const { result_repr: repr } = await client.execute('1');
  assert.equal(repr, '1');
  client.close();
});

for (const [name, options, code] of [
  ['neither', {}, status.UNAUTHENTICATED],
  ['a wrong token', { token: 'x'.repeat(40) }, status.UNAUTHENTICATED],
  ['a certificate of nobody', { certificate: 'nobody' }, status.UNAUTHENTICATED],
  ['another tenant', { certificate: 'alice', tenant: 'bob' }, status.PERMISSION_DENIED],
  ['a certificate of a stranger', { certificate: 'stranger' }, status.UNAVAILABLE],
  ['an expired certificate', { certificate: 'expired' }, status.UNAVAILABLE],
]) {
  test(`grpc-js: ${name}`, () => withClient(options,
    (client) => assert.rejects(client.execute('1'), refused(code))));
}

test('grpc-js: a server that it does not trust', () => withClient({ authority: 'other-ca', token: TOKEN },
  (client) => assert.rejects(client.execute('1'), refused(status.UNAVAILABLE))));

test('grpc-js: streams over TLS', () => withClient({ certificate: 'bob' }, async (client) => {
  let output = '';
  for await (const event of client.stream('for i in range(1000): print(i)')) {
    if (event.output) output += event.output.data;
  }
  assert.equal(output.split('\n').length, 1001);
}));

test('grpc-js: one tenant does not see the other', async () => {
  await withClient({ certificate: 'alice' }, async (alice) => withClient({ token: TOKEN }, async (bob) => {
    const loop = alice.execute('while True: pass', { execution_id: 'mine' });
    await alice.running('mine');
    assert.deepEqual((await bob.call('ListExecutions', {})).executions, []);
    assert.equal((await bob.cancel('mine')).state, 'CANCEL_STATE_NOT_FOUND');
    assert.equal((await alice.cancel('mine', { wait: true })).state, 'CANCEL_STATE_FINISHED');
    assert.equal((await loop).outcome, 'OUTCOME_CANCELLED');
  }));
});

test('grpc-js: health without credentials', async () => {
  const stub = new health.Health(target, credentials());
  const answer = await new Promise((resolve, reject) => {
    stub.Check({}, (error, response) => (error ? reject(error) : resolve(response)));
  });
  assert.equal(answer.status, 'SERVING');
  stub.close();
});

async function curl(words, url = `https://${target}`) {
  const { stdout } = await run(buf, ['curl', '--protocol', 'grpc', '--cacert', path('ca.pem'),
    ...words, '-d', '{"code": "6 * 7"}', `${url}/${EXECUTE}`]);
  return JSON.parse(stdout);
}

test('buf curl: a token', async () => {
  assert.equal((await curl(['-H', `authorization: Bearer ${TOKEN}`])).resultRepr, '42');
});

test('buf curl: a client certificate', async () => {
  assert.equal((await curl(['--cert', path('alice.pem'), '--key', path('alice.key')])).resultRepr, '42');
});

test('buf curl: neither', () => assert.rejects(curl([]), ({ code, stderr }) => {
  assert.equal(code, 8 * status.UNAUTHENTICATED);
  assert.match(stderr, /authorization: Bearer TOKEN/);
  return true;
}));

test('a reload under load fails no call', async () => {
  const client = connect({ token: TOKEN });
  const second = 'new-0123456789abcdefghijklmnopqrstuvwxy';
  let over = false;
  let calls = 0;
  const loop = async () => {
    while (!over) {
      assert.equal((await client.execute('1')).result_repr, '1');
      calls += 1;
    }
  };
  const loops = [loop(), loop(), loop(), loop()];
  for (let i = 1; i <= 5; i += 1) {
    await writeTokens({ [TOKEN]: 'bob', [second]: 'carol' });
    daemon.process.kill('SIGHUP');
    await until(() => daemon.log.split('"event":"reloaded"').length === i + 1);
  }
  over = true;
  await Promise.all(loops);
  assert.ok(calls > 0);
  client.close();
  await withClient({ token: second }, async (carol) => {
    assert.equal((await carol.execute('1')).result_repr, '1');
  });
  assert.doesNotMatch(daemon.log, /0123456789abcdefghijklmnop/);
});
