// A real vivariumd for a suite: VIVARIUMD names the binary, as ./test sets it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..');

export const binary =
  process.env.VIVARIUMD ?? join(root, 'bazel-bin/supervisor/service/vivariumd');

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export class Daemon {
  constructor(folder, port) {
    this.folder = folder;
    // Also where a suite fails half way.
    process.on('exit', () => {
      this.process?.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });
    this.socket = join(folder, 'v.sock');
    this.unixTarget = `unix:${this.socket}`;
    this.tcpTarget = `127.0.0.1:${port}`;
    this.log = '';
    // What starts it, where it isn't this process: nsenter and its like.
    this.prefix = [];
  }

  // Resolves when all listens; rejects with the daemon's own words.
  static async start(...flags) {
    return Daemon.startWith(flags);
  }

  // `listen` stands behind its own two addresses.
  static async startWith(flags, listen = '') {
    const daemon = new Daemon(mkdtempSync(join(tmpdir(), 'viv-')), await freePort());
    await daemon.run(flags, listen);
    return daemon;
  }

  async run(flags = [], listen = '') {
    const words = ['--listen', this.unixTarget + listen, '--listen', this.tcpTarget + listen,
      '--ready-fd', '3'];
    const [program, ...first] = [...this.prefix, binary];
    this.process = spawn(program, [...first, ...words, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    this.process.stderr.on('data', (data) => { this.log += data; });
    this.exited = once(this.process, 'exit');
    const ready = once(this.process.stdio[3], 'data');
    const gone = this.exited.then(([code]) => {
      throw new Error(`vivariumd ended with ${code}: ${this.log}`);
    });
    gone.catch(() => {});
    await Promise.race([ready, gone]);
  }

  // [status, signal] of the process.
  async end(signal = 'SIGTERM') {
    this.process.kill(signal);
    return this.exited;
  }

  async stop() {
    const [code] = await this.end();
    if (code !== 0) throw new Error(`vivariumd ended with ${code}: ${this.log}`);
  }
}
