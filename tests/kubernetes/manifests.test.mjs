// The manifests against the API's own schema, and against what vivariumd wants.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import ts from 'typescript';
import { build, files, folder, moduleOf, names, podOf } from './manifests.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const built = Object.fromEntries(names.map((name) => [name, build(name)]));
const pods = Object.entries(built).map(([name, objects]) => [name, podOf(objects)]);
const everything = [...files(), ...Object.entries(built)]
  .flatMap(([name, objects]) => objects.map((object) => [name, object]));

const sizes = { Mi: 2 ** 20, Gi: 2 ** 30, MiB: 2 ** 20, GiB: 2 ** 30 };
const bytes = (text) => parseFloat(text) * sizes[text.match(/[A-Za-z]+$/)[0]];
const time = (text) => parseFloat(text);

describe('the schema', () => {
  for (const [name, object] of everything) {
    test(`${name}: ${object.kind} has what it must, of the right types`, async () => {
      const { [object.kind]: Model } = await import(moduleOf(object));
      new Model(object).validate();
    });
  }

  test('a wrong type would be found', async () => {
    const { Deployment } = await import('kubernetes-models/apps/v1/Deployment');
    const [, { workload }] = pods.find(([, pod]) => pod.workload.kind === 'Deployment');

    assert.throws(() => new Deployment({ ...workload, spec: { ...workload.spec, replicas: 'many' } })
      .validate(), /replicas/);
  });

  // The compiler refuses a literal with a field that its type doesn't have.
  function complaints(objects) {
    const scratch = mkdtempSync(join(here, '.types-'));
    const file = join(scratch, 'manifests.ts');

    try {
      writeFileSync(file, objects.map((object, i) =>
        `import type { I${object.kind} as T${i} } from '${moduleOf(object)}';\n` +
        `const o${i}: T${i} = ${JSON.stringify(object, null, 1)};\n`).join(''));
      const program = ts.createProgram([file], { noEmit: true, strict: true, skipLibCheck: true,
        types: [], module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext });
      return ts.getPreEmitDiagnostics(program).map((d) => ts.flattenDiagnosticMessageText(d.messageText, '\n'));
    } finally {
      rmSync(scratch, { recursive: true });
    }
  }

  test('no field is unknown', () => {
    assert.deepEqual(complaints(everything.map(([, object]) => object)), []);
  });

  test('one that is would be found', () => {
    const [, { workload }] = structuredClone(pods[0]);

    workload.spec.template.spec.terminationGracePeriodSecond = 1;
    assert.match(complaints([workload]).join(), /terminationGracePeriodSecond/);
  });
});

for (const [name, pod] of pods) {
  const { spec, all, supervisor, config, workload } = pod;

  describe(name, () => {
    if (!name.endsWith('-privileged')) {
      test('Pod Security takes it as restricted', () => {
        for (const kind of ['hostNetwork', 'hostPID', 'hostIPC']) assert.ok(!spec[kind]);
        for (const volume of spec.volumes) {
          assert.ok(volume.emptyDir || volume.configMap || volume.secret, volume.name);
        }
        for (const c of all) {
          const security = { ...spec.securityContext, ...c.securityContext };

          assert.equal(security.runAsNonRoot, true);
          assert.ok(security.runAsUser > 0);
          assert.equal(security.allowPrivilegeEscalation, false);
          assert.equal(security.readOnlyRootFilesystem, true);
          assert.ok(!security.privileged && !security.procMount);
          assert.deepEqual(security.capabilities, { drop: ['ALL'] });
          assert.match(security.seccompProfile.type, /^(RuntimeDefault|Localhost)$/);
        }
      });
    }

    test('what it names is there', () => {
      const volumes = spec.volumes.map((v) => v.name);
      const labels = workload.spec.template.metadata.labels;

      for (const c of all) {
        for (const { name: volume } of c.volumeMounts) assert.ok(volumes.includes(volume), volume);
        const ports = (c.ports ?? []).map((p) => p.name);
        for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
          if (c[probe]) assert.ok(ports.includes(c[probe].httpGet.port));
        }
      }
      for (const volume of spec.volumes.filter((v) => v.configMap)) {
        assert.ok(built[name].some((o) => o.kind === 'ConfigMap' && o.metadata.name === volume.configMap.name));
      }
      for (const object of built[name]) {
        const selector = object.spec?.podSelector?.matchLabels ?? object.spec?.selector?.matchLabels ??
          (object.kind === 'Service' ? object.spec.selector : {});
        for (const [key, value] of Object.entries(selector)) assert.equal(labels[key], value);
      }
      const scaled = built[name].find((o) => o.kind === 'HorizontalPodAutoscaler');
      if (scaled) assert.equal(scaled.spec.scaleTargetRef.name, workload.metadata.name);
    });

    test('a drain has the time that it needs', () => {
      const unwind = 1 + 5; // cancel_grace and cleanup_grace, by default
      const before = supervisor.lifecycle?.preStop.sleep.seconds ?? 0;

      assert.ok(spec.terminationGracePeriodSeconds >= before + time(config.drain_grace) + unwind + 5);
    });

    test('the pool fits its memory', () => {
      const { requests, limits } = supervisor.resources;
      const pool = config.workers_max * bytes(config.ceilings.memory_bytes);

      assert.equal(requests.memory, limits.memory);
      assert.ok(bytes(limits.memory) >= pool + 256 * 2 ** 20);
    });

    test('probes ask what the configuration serves', () => {
      const port = supervisor.ports.find((p) => p.name === 'metrics').containerPort;

      assert.equal(config.metrics, `0.0.0.0:${port}`);
    });
  });
}

describe('the configurations', () => {
  let scratch;

  before(() => { scratch = mkdtempSync(join(here, '.config-')); });
  after(() => rmSync(scratch, { recursive: true }));

  for (const [name, { text, supervisor }] of pods) {
    test(`${name}: vivariumd takes it, with its flags`, () => {
      const file = join(scratch, 'vivariumd.yaml');

      writeFileSync(file, text);
      const flags = supervisor.args.map((arg) => (arg.startsWith('--config=') ? `--config=${file}` : arg));
      execFileSync(process.env.VIVARIUMD, ['--check-config', ...flags], { stdio: 'pipe' });
    });
  }
});

test('every folder is a kustomization', () => {
  for (const name of names) assert.ok(existsSync(join(folder, name, 'kustomization.yaml')));
});
