// deploy/kubernetes as kubectl's kustomize puts it together.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

export function build(name) {
  return documents(execFileSync('kubectl', ['kustomize', join(folder, name)], { encoding: 'utf8' }));
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
