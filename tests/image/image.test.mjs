// The image under runc: an ordinary user, a read-only root, no capabilities, the
// engines' list of system calls. "strict" is what containerd's own list leaves,
// "open" lets user namespaces pass.
import assert from 'node:assert/strict';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client, credentials, health, seconds } from '../interop/vivarium.mjs';
import { Container, missing } from './container.mjs';

const USER = 10001;
const nap = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

function get(socketPath, path) {
  return new Promise((resolve, reject) => {
    http.get({ socketPath, path }, async (response) => {
      let text = '';
      for await (const data of response) text += data;
      resolve({ code: response.statusCode, text });
    }).on('error', reject);
  });
}

// A supervisor of the image, its socket in a folder outside.
class Sidecar {
  static async start(world, ...flags) {
    const sidecar = new Sidecar();

    sidecar.folder = mkdtempSync(join(tmpdir(), 'viv-image-'));
    sidecar.shared = join(sidecar.folder, 'shared');
    mkdirSync(sidecar.shared);
    chownSync(sidecar.shared, USER, USER);
    sidecar.absent = await missing(sidecar.folder, world);
    sidecar.container = new Container(sidecar.folder,
      { ...world, volumes: [[sidecar.shared, '/run/vivarium', 'rw']] },
      ['--listen', 'unix:/run/vivarium/vivarium.sock', '--metrics',
        'unix:/run/vivarium/metrics.sock', '--workers-warm', '1', '--workers-max', '4',
        ...sidecar.absent, ...flags]);
    await sidecar.ready();
    sidecar.client = new Client(`unix:${join(sidecar.shared, 'vivarium.sock')}`);
    return sidecar;
  }

  async ready() {
    let ended;

    this.container.exited.then((code) => { ended = code; });
    for (;;) {
      assert.equal(ended, undefined, this.container.stderr);
      const answer = await this.probe('/readyz').catch(() => 0);
      if (answer === 200) return;
      await nap(20);
    }
  }

  async probe(path) {
    return (await get(join(this.shared, 'metrics.sock'), path)).code;
  }

  async page(path) {
    return (await get(join(this.shared, 'metrics.sock'), path)).text;
  }

  async remove() {
    this.client?.close();
    await this.container.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe('the files of the image', () => {
  const root = join(process.env.IMAGE_BUNDLE, 'rootfs');
  const all = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.path, entry.name)));

  test('three programs, no shell, nothing that changes the user', () => {
    assert.deepEqual(all.filter((file) => /^(usr\/)?s?bin\//.test(file)).sort(),
      ['usr/bin/python3.11', 'usr/bin/viv', 'usr/bin/vivariumd']);
    assert.deepEqual(all.filter((file) => statSync(join(root, file)).mode & 0o6000), []);
  });

  test('nothing of the machine that built it', () => {
    for (const file of ['etc/hostname', 'etc/resolv.conf']) assert.ok(!all.includes(file));
  });

  test('scanners are told of its packages, users of their licences', () => {
    const packages = readdirSync(join(root, 'var/lib/dpkg/status.d'));

    for (const name of ['libc6', 'libgrpc29', 'libssl3', 'python3.11-minimal']) {
      assert.ok(packages.includes(name), name);
    }
    assert.ok(all.includes('usr/share/doc/libgrpc29/copyright'));
  });
});

const worlds = [
  ['strict, read-only cgroups', { profile: 'strict', cgroups: 'ro' }],
  ['strict, writable cgroups', { profile: 'strict', cgroups: 'rw' }],
  ['open, read-only cgroups', { profile: 'open', cgroups: 'ro' }],
  ['open, writable cgroups', { profile: 'open', cgroups: 'rw' }],
];

for (const [name, world] of worlds) {
  describe(`the image, ${name}`, () => {
    let sidecar, client;

    before(async () => {
      sidecar = await Sidecar.start(world, '--drain-grace', '1');
      client = sidecar.client;
    });
    after(() => sidecar.remove());

    test('health, by gRPC and by HTTP', async () => {
      const stub = new health.Health(`unix:${join(sidecar.shared, 'vivarium.sock')}`,
        credentials.createInsecure());
      const answer = await new Promise((resolve, reject) => {
        stub.Check({ service: 'vivarium.v1.Vivarium' },
          (error, response) => (error ? reject(error) : resolve(response)));
      });
      stub.close();
      assert.equal(answer.status, 'SERVING');
      assert.equal(await sidecar.probe('/healthz'), 200);
    });

    test('it runs as an ordinary user', () => {
      assert.equal(statSync(join(sidecar.shared, 'vivarium.sock')).uid, USER);
    });

    test('Execute', async () => {
      const { outcome, result_repr, stdout } = await client.execute(
        'import json, sqlite3, ssl, zlib, decimal\nprint(json.dumps([1]))\n6 * 7');
      assert.deepEqual([outcome, result_repr, String(stdout)], ['OUTCOME_COMPLETED', '42', '[1]\n']);
    });

    test('there is no program that code could start', async () => {
      const { result_repr, error } = await client.execute(
        'import os\n[p for d in ("/usr/bin", "/bin", "/usr/sbin", "/sbin") if os.path.isdir(d)\n' +
        ' for p in os.listdir(d)]');
      const seen = error ? [] : result_repr.match(/'[^']+'/g) ?? [];
      for (const program of seen) {
        assert.ok(["'python3.11'", "'viv'", "'vivariumd'"].includes(program), program);
      }
    });

    test('Cancel', async () => {
      const running = client.execute('x = 1\nwhile True: pass', { execution_id: 'loop' });
      await client.running('loop');
      const { state, cancellation } = await client.cancel('loop', { wait: true });
      assert.equal(state, 'CANCEL_STATE_FINISHED');
      assert.equal(cancellation.delivery, 'DELIVERY_COOPERATIVE');
      assert.equal((await running).outcome, 'OUTCOME_CANCELLED');
    });

    test('what the autoscaler goes by is counted', async () => {
      assert.match(await sidecar.page('/metrics'), /^vivarium_queue_length 0$/m);
    });

    test('memory, by the kernel where groups can be written', async () => {
      const { outcome, enforcement } = await client.execute(
        'import ctypes\nb = []\nwhile True: b.append(b"x" * (1 << 20))',
        { limits: { memory_bytes: 64 << 20, memory_soft_bytes: 0, wall_time: seconds(20) } });
      assert.match(outcome, /OUTCOME_(MEMORY_EXCEEDED|RAISED)/);
      assert.equal(enforcement.layers.includes('cgroup_memory'), world.cgroups === 'rw',
        JSON.stringify(enforcement));
    });

    test('SIGTERM: what runs may end, what would not is cancelled; status 0', async () => {
      const short = client.execute('import time\ntime.sleep(0.3)\n"done"', { execution_id: 'short' });
      const long = client.execute('while True: pass', { execution_id: 'long' });
      await Promise.all([client.running('short'), client.running('long')]);
      sidecar.container.kill('TERM');
      assert.equal((await short).result_repr, "'done'");
      assert.equal((await long).cancellation.cause, 'CAUSE_DRAIN');
      assert.equal(await sidecar.container.exited, 0, sidecar.container.stderr);
    });

    test('nothing is left in the shared folder', () => {
      assert.deepEqual(readdirSync(sidecar.shared), []);
    });
  });
}
