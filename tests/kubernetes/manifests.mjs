// deploy/kubernetes as kubectl's kustomize puts it together.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
export const folder = join(here, '../../deploy/kubernetes');

// The kustomizations.
export const names = readdirSync(folder).sort();

// Every plain manifest, by its path.
export function files() {
  return names.flatMap((name) => readdirSync(join(folder, name))
    .filter((file) => !['kustomization.yaml', 'patch.yaml'].includes(file))
    .map((file) => [`${name}/${file}`, documents(readFileSync(join(folder, name, file), 'utf8'))]));
}

export function documents(text) {
  return parseAllDocuments(text, { version: '1.1' }).map((document) => {
    if (document.errors.length) throw document.errors[0];
    return document.toJS();
  });
}

// 'apps/v1' of the package that is made from Kubernetes' OpenAPI files.
export const moduleOf = ({ apiVersion, kind }) => `kubernetes-models/${apiVersion}/${kind}`;

export const kubectl = (...words) =>
  execFileSync(process.env.KUBECTL ?? 'kubectl', words, { encoding: 'utf8', stdio: 'pipe' });

// Debian's kubectl has the kustomize of 2019, which knows folders and patches by
// other names.
function inOldWords(folder) {
  const copy = mkdtempSync(join(tmpdir(), 'viv-kustomize-'));

  process.on('exit', () => rmSync(copy, { recursive: true }));
  cpSync(folder, copy, { recursive: true });
  for (const path of readdirSync(copy, { recursive: true })) {
    const file = join(copy, path);
    if (basename(path) !== 'kustomization.yaml') continue;
    writeFileSync(file, readFileSync(file, 'utf8')
      .replace(/^resources:\n(?= {2}- \S+(?<!\.yaml)$)/m, 'bases:\n')
      .replace(/^patches:\n {2}- path: /m, 'patchesStrategicMerge:\n  - '));
  }
  return copy;
}

const old = /"minor": "(1?\d|20)\+?"/.test(kubectl('version', '--client', '-o', 'json'));

// What `kubectl kustomize FOLDER` prints in the folder that this runs in, or in `from`.
export function kustomize(name, from = '.') {
  return kubectl('kustomize', join(old ? inOldWords(from) : from, name));
}

export function build(name) {
  return documents(kustomize(name, folder));
}

// What there is to know of a kustomization's pod.
export function podOf(objects) {
  const workload = objects.find((o) => ['Deployment', 'StatefulSet'].includes(o.kind));
  const { spec } = workload.spec.template;
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  const supervisor = all.find((c) => c.name === 'vivarium');
  const text = objects.find((o) => o.kind === 'ConfigMap').data['vivariumd.yaml'];

  return { workload, spec, all, supervisor, text, config: parse(text) };
}
