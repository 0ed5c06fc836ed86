import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import grpc from '@grpc/grpc-js';
import { Daemon } from './daemon.mjs';
import { reflection } from './vivarium.mjs';

const run = promisify(execFile);
const modules = new URL('node_modules/@bufbuild/', import.meta.url).pathname;
const buf = join(modules, readdirSync(modules).find((name) => name.startsWith('buf-linux')), 'bin/buf');
const SERVICE = 'vivarium.v1.Vivarium';

let daemon;

before(async () => { daemon = await Daemon.start(); });
after(() => daemon.stop());

// Without a schema: all that buf knows it has from reflection.
async function curl(...words) {
  const { stdout } = await run(buf, ['curl', '--protocol', 'grpc', '--http2-prior-knowledge',
    ...words]);
  return stdout;
}

for (const version of ['grpc-v1', 'grpc-v1alpha']) {
  const over = ['--reflect-protocol', version];

  test(`${version}: services and methods by buf curl`, async () => {
    const services = await curl(...over, '--list-services', `http://${daemon.tcpTarget}`);
    for (const name of [SERVICE, 'grpc.health.v1.Health']) assert.match(services, new RegExp(name));
    const methods = await curl(...over, '--list-methods', `http://${daemon.tcpTarget}`);
    for (const name of ['Execute', 'ExecuteStream', 'Cancel', 'Describe', 'GetScope']) {
      assert.match(methods, new RegExp(`${SERVICE}/${name}\\b`));
    }
  });

  test(`${version}: Execute by buf curl`, async () => {
    const answer = await curl(...over, '-d', '{"code": "print(1)\\n6 * 7"}',
      `http://${daemon.tcpTarget}/${SERVICE}/Execute`);
    const { outcome, result, stdout } = JSON.parse(answer);
    assert.equal(outcome, 'OUTCOME_COMPLETED');
    assert.equal(result.integer, '42');
    assert.equal(Buffer.from(stdout, 'base64').toString(), '1\n');
  });
}

test('Execute by buf curl over the unix socket', async () => {
  const answer = await curl('--unix-socket', daemon.socket, '-d', '{"code": "1"}',
    `http://localhost/${SERVICE}/Execute`);
  assert.equal(JSON.parse(answer).resultRepr, '1');
});

for (const version of ['v1', 'v1alpha']) {
  test(`${version}: by name, by file, and what is not there`, async () => {
    const stub = new (reflection(version).ServerReflection)(daemon.unixTarget,
      grpc.credentials.createInsecure());
    const stream = stub.ServerReflectionInfo();
    const answers = [];
    stream.on('data', (answer) => answers.push(answer));
    const end = new Promise((resolve, reject) => {
      stream.on('end', resolve);
      stream.on('error', reject);
    });
    stream.write({ file_containing_symbol: `${SERVICE}.Execute` });
    stream.write({ file_by_filename: 'vivarium/v1/scope.proto' });
    stream.write({ file_containing_symbol: 'no.Such' });
    stream.write({ file_by_filename: 'no/such.proto' });
    stream.end();
    await end;
    assert.deepEqual(answers.map((a) => a.message_response),
      ['file_descriptor_response', 'file_descriptor_response', 'error_response', 'error_response']);
    assert.equal(answers[2].error_response.error_code, grpc.status.NOT_FOUND);
    stub.close();
  });
}
