// A network like a cluster's, as far as two supervisors see it: each in a
// namespace of its own, Redis in a third, a cable from each to Redis. They can't
// reach one another. Takes root.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon, freePort } from '../interop/daemon.mjs';

const ip = (...words) => execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] });
const inside = (namespace) => ['nsenter', `--net=/run/netns/${namespace}`];

export class Network {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'viv-cluster-'));
    this.namespaces = [];
  }

  build(nodes) {
    this.store = this.add('store');
    this.nodes = nodes.map((name, i) => this.addNode(name, i));
  }

  add(name) {
    const namespace = `viv-${process.pid}-${name}`;

    ip('netns', 'add', namespace);
    this.namespaces.push(namespace);
    ip('-n', namespace, 'link', 'set', 'dev', 'lo', 'up');
    return namespace;
  }

  addNode(name, i) {
    const namespace = this.add(name);

    ip('link', 'add', 'eth0', 'netns', namespace, 'type', 'veth',
      'peer', 'name', `to-${name}`, 'netns', this.store);
    for (const [where, link, address] of [[namespace, 'eth0', 2], [this.store, `to-${name}`, 1]]) {
      ip('-n', where, 'address', 'add', `10.77.${i}.${address}/24`, 'dev', link);
      ip('-n', where, 'link', 'set', 'dev', link, 'up');
    }
    return { name, namespace, redis: `redis://10.77.${i}.1:6379` };
  }

  async startRedis() {
    const [program, ...words] = [...inside(this.store), 'redis-server', '--port', '6379', '--bind',
      '0.0.0.0', '--protected-mode', 'no', '--dir', this.folder, '--save', '', '--appendonly', 'no'];

    this.redis = spawn(program, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    for await (const data of this.redis.stdout) {
      said += data;
      if (said.includes('Ready to accept connections')) break;
    }
    this.redis.stdout.resume();
  }

  // A supervisor there; `again` starts one that has ended.
  async supervisor(node, ...flags) {
    const daemon = new Daemon(mkdtempSync(join(tmpdir(), 'viv-')), await freePort());

    daemon.prefix = inside(node.namespace);
    daemon.again = () => daemon.run(['--store', node.redis, '--node', node.name,
      '--store-key', join(this.folder, 'key'), ...flags]);
    await daemon.again();
    return daemon;
  }

  // A node's cable to the store: pulled, or put back.
  cable(node, state) {
    ip('-n', this.store, 'link', 'set', 'dev', `to-${node.name}`, state);
  }

  // Milliseconds for which somebody still holds a session; none: nobody does.
  leased(session_id) {
    const cli = (...words) => execFileSync(inside(this.store)[0],
      [...inside(this.store).slice(1), 'redis-cli', ...words], { encoding: 'utf8' }).trim();
    const key = cli('--scan', '--pattern', `viv:l:*${session_id}*`);

    return key ? Math.max(0, Number(cli('PTTL', key))) : 0;
  }

  // Whether one node reaches another's address.
  reaches(from, address) {
    try {
      const [program, ...words] = [...inside(from.namespace), 'timeout', '2', 'bash', '-c',
        `: </dev/tcp/${address}/6379`];
      execFileSync(program, words, { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }

  async remove() {
    this.redis?.kill('SIGKILL');
    if (this.redis) await once(this.redis, 'exit');
    for (const namespace of this.namespaces) ip('netns', 'del', namespace);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
