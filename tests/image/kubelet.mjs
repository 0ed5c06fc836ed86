// Pods of deploy/kubernetes, started as a kubelet would, as far as one machine can:
// what a manifest says of users, volumes, arguments and probes is done, and its
// security context is translated for runc.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Container } from './container.mjs';

const nap = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const ip = (...words) => execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] });
let count = 0;

// What a node makes of a container's security context, and of its runtime class.
export function worldOf(spec, { securityContext }) {
  const kind = { ...spec.securityContext, ...securityContext }.seccompProfile.type;

  return {
    profile: { RuntimeDefault: 'strict', Localhost: 'open', Unconfined: 'privileged' }[kind],
    cgroups: spec.runtimeClassName || kind === 'Unconfined' ? 'rw' : 'ro',
  };
}

export class Pod {
  // files: those of config maps and secrets, by the volume's name.
  constructor(name, spec, files = {}, hosts = []) {
    this.name = name;
    this.spec = spec;
    this.containers = [];
    this.folder = mkdtempSync(join(tmpdir(), 'viv-pod-'));
    chmodSync(this.folder, 0o755);
    for (const volume of spec.volumes) this.makeVolume(volume, files[volume.name] ?? {});
    writeFileSync(join(this.folder, 'hosts'), `127.0.0.1 localhost ${hosts.join(' ')}\n`);
    this.network = `viv-pod-${process.pid}-${count++}`;
    ip('netns', 'add', this.network);
    ip('-n', this.network, 'link', 'set', 'dev', 'lo', 'up');
  }

  makeVolume(volume, files) {
    const folder = join(this.folder, volume.name);
    const group = this.spec.securityContext.fsGroup;

    mkdirSync(folder);
    chownSync(folder, 0, group);
    chmodSync(folder, volume.emptyDir ? 0o2777 : 0o755);
    for (const [name, data] of Object.entries(files)) {
      const file = join(folder, name);
      writeFileSync(file, data);
      chownSync(file, 0, group);
      chmodSync(file, volume.secret?.defaultMode ?? 0o644);
    }
  }

  options(container) {
    const security = { ...this.spec.securityContext, ...container.securityContext };
    const volumes = container.volumeMounts.map(({ name, mountPath, subPath, readOnly }) =>
      [join(this.folder, name, subPath ?? ''), mountPath, readOnly ? 'ro' : 'rw']);

    return {
      ...worldOf(this.spec, container),
      entrypoint: container.command,
      env: this.env(container),
      uid: security.runAsUser,
      gid: security.runAsGroup,
      groups: [security.fsGroup],
      network: `/run/netns/${this.network}`,
      volumes,
    };
  }

  env(container) {
    return (container.env ?? []).map(({ name, value, valueFrom }) =>
      [name, value ?? { 'metadata.name': this.name }[valueFrom.fieldRef.fieldPath]]);
  }

  start(container, more = {}) {
    const options = { ...this.options(container), ...more };
    const words = (container.args ?? []).map((word) => options.env
      .reduce((text, [name, value]) => text.replaceAll(`$(${name})`, value), word));

    options.volumes = [...options.volumes, [join(this.folder, 'hosts'), '/etc/hosts', 'ro']];
    const started = new Container(this.folder, options, words);
    this.containers.push(started);
    return started;
  }

  // Until the probe of a container that runs is answered well.
  async probe(container, started, kind = 'startupProbe') {
    const { path, port } = container[kind].httpGet;
    const { containerPort } = container.ports.find((p) => p.name === port);
    let ended = false;

    started.exited.then(() => { ended = true; });
    for (;;) {
      if (ended) throw new Error(`it has ended: ${started.stderr}`);
      try {
        execFileSync('nsenter', [`--net=/run/netns/${this.network}`, 'curl', '-sf', '-o', '/dev/null',
          `http://127.0.0.1:${containerPort}${path}`], { stdio: 'ignore' });
        return;
      } catch {
        await nap(50);
      }
    }
  }

  async remove() {
    for (const container of this.containers) await container.remove();
    ip('netns', 'del', this.network);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
