// The pods of deploy/kubernetes, under runc: in each mode the flags are what the
// doctor asks for there, and the pod does its work.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { build, podOf } from '../kubernetes/manifests.mjs';
import { missing } from './container.mjs';
import { Pod, worldOf } from './kubelet.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const absent = (words) => words.join(' ').replaceAll('=', ' ').match(/--allow-absent \w+/g)?.sort() ?? [];

for (const mode of ['', '-namespaces', '-cgroups', '-privileged']) {
  describe(`sidecar${mode}`, () => {
    const { spec, supervisor, text } = podOf(build(`sidecar${mode}`));
    const [app] = spec.containers;
    let pod, sidecar, running;

    before(async () => {
      pod = new Pod('app', spec, { config: { 'vivariumd.yaml': text } });
      sidecar = pod.start(supervisor);
      await pod.probe(supervisor, sidecar);
    });
    after(() => pod.remove());

    test('its flags are those that the doctor asks for, here and in the service', async () => {
      const wanted = await missing(pod.folder, { ...worldOf(spec, supervisor),
        uid: supervisor.securityContext.runAsUser, gid: supervisor.securityContext.runAsGroup });
      const service = podOf(build(`service${mode}`));

      assert.deepEqual(absent(supervisor.args), absent(wanted));
      assert.deepEqual(absent(service.supervisor.args), absent(wanted));
      assert.deepEqual(worldOf(service.spec, service.supervisor), worldOf(spec, supervisor));
    });

    test('the app, another user of the same group, runs code in it', async () => {
      running = pod.start(app);
      while (!running.stdout.includes('\n')) {
        await Promise.race([new Promise((resolve) => { setTimeout(resolve, 20); }),
          running.exited.then((code) => assert.fail(`${code}: ${running.stderr}`))]);
      }
      assert.equal(running.stdout, '42\n');
    });

    test('who is not of the group may not', async () => {
      const stranger = pod.start({ ...app, command: ['/usr/bin/viv'], args: ['run', '-c', '1'] },
        { groups: [] });

      // The privileged one's socket is root's, with the same group.
      assert.equal(await stranger.exited, 69, stranger.stderr);
    });

    test('the other probes', async () => {
      await pod.probe(supervisor, sidecar, 'readinessProbe');
      await pod.probe(supervisor, sidecar, 'livenessProbe');
    });

    test('the end, in the kubelet\'s order', async () => {
      running.kill('TERM');
      assert.equal(await running.exited, 0, running.stderr);
      sidecar.kill('TERM');
      assert.equal(await sidecar.exited, 0, sidecar.stderr);
    });
  });
}

describe('service', () => {
  const { spec, supervisor, text } = podOf(build('service'));
  let certificates, pod, redis, running;

  before(async () => {
    certificates = mkdtempSync(join(tmpdir(), 'viv-certs-'));
    execFileSync(join(here, '../service/certs.sh'), [certificates]);
    const read = (name) => readFileSync(join(certificates, name));
    const token = randomBytes(32).toString('base64');
    const hash = execFileSync(process.env.VIVARIUMD, ['--hash-token'], { input: token, encoding: 'utf8' });
    const client = { name: 'client', emptyDir: {} };

    pod = new Pod('vivarium-0', { ...spec, volumes: [...spec.volumes, client] }, {
      config: { 'vivariumd.yaml': text },
      tls: { 'tls.crt': read('server.pem'), 'tls.key': read('server.key') },
      tokens: { tokens: `acme ${hash}` },
      'store-key': { key: randomBytes(32) },
      client: { 'ca.pem': read('ca.pem'), token },
    }, ['redis']);
    redis = spawn('nsenter', [`--net=/run/netns/${pod.network}`, 'redis-server', '--port', '6379',
      '--save', '', '--dir', pod.folder], { stdio: ['ignore', 'pipe', 'ignore'] });
    for await (const data of redis.stdout) if (String(data).includes('Ready to accept')) break;
    redis.stdout?.resume();
    running = pod.start(supervisor);
    await pod.probe(supervisor, running);
  });
  after(async () => {
    redis?.kill('SIGKILL');
    await pod?.remove();
    rmSync(certificates, { recursive: true, force: true });
  });

  async function viv(...words) {
    const container = pod.start({
      command: ['/usr/bin/viv'],
      args: words,
      env: [{ name: 'VIVARIUM_TARGET', value: 'localhost:7443' },
        { name: 'VIVARIUM_TLS_CA', value: '/run/vivarium/ca.pem' },
        { name: 'VIVARIUM_TOKEN_FILE', value: '/run/vivarium/token' }],
      securityContext: { runAsUser: 20000, runAsGroup: 20000 },
      volumeMounts: [{ name: 'client', mountPath: '/run/vivarium' }],
    });
    const code = await container.exited;
    assert.equal(code, 0, container.stderr + running.stderr);
    return container.stdout;
  }

  test('by TLS and token; a session outlives the pod', async () => {
    assert.equal(await viv('session', 'open', '--id', 's'), 's\n');
    await viv('run', '--session', 's', '-c', 'x = 41');
    running.kill('TERM');
    assert.equal(await running.exited, 0, running.stderr);
    running = pod.start(supervisor);
    await pod.probe(supervisor, running);
    assert.equal(await viv('run', '--session', 's', '-c', 'x + 1'), '42\n');
  });
});
