// The examples of README.md do what it says.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Daemon, binary, root } from './daemon.mjs';

const run = promisify(execFile);

let daemon;
let env;

before(async () => {
  daemon = await Daemon.start();
  env = {
    ...process.env,
    VIVARIUM_TARGET: daemon.unixTarget,
    NODE_PATH: join(root, 'tests/interop/node_modules'),
  };
});
after(() => daemon.stop());

test('in C, as tests/readme builds it', async () => {
  const { stdout } = await run(join(dirname(binary), '../../tests/readme/example'), { env });
  assert.equal(stdout, 'COMPLETED: 2432902008176640000\n');
});

test('in JavaScript', async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, code] = readme.match(/^```js\n(.*?)^```$/ms);
  const { stdout } = await run('node', ['-e', code], { cwd: root, env });
  assert.equal(stdout, 'OUTCOME_COMPLETED 42 hello\n\n');
});
