// A container of the image, as an engine runs it: IMAGE_BUNDLE is the unpacked
// image, as ./test sets it.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const image = process.env.IMAGE_BUNDLE;
let count = 0;

export class Container {
  // options: see bundle.py.
  constructor(folder, options, words) {
    this.id = `image-${process.pid}-${count++}`;
    this.bundle = join(folder, this.id);
    const all = JSON.stringify({ profile: 'strict', path: `/${this.id}`, ...options });
    execFileSync('python3', [join(here, 'bundle.py'), image, this.bundle, all, ...words]);
    this.process = spawn('runc', ['run', '--bundle', this.bundle, this.id],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    this.stdout = '';
    this.stderr = '';
    this.process.stdout.on('data', (data) => { this.stdout += data; });
    this.process.stderr.on('data', (data) => { this.stderr += data; });
    this.exited = once(this.process, 'close').then(([code]) => code);
  }

  // To its first process.
  kill(signal) {
    execFileSync('runc', ['kill', this.id, signal]);
  }

  // For the end of a suite, whatever has become of it.
  async remove() {
    try {
      execFileSync('runc', ['delete', '--force', this.id], { stdio: 'ignore' });
    } catch {
      // It has ended, and was deleted by `runc run`.
    }
    await this.exited;
  }
}

// The flags for what an engine's container lacks, in the doctor's words.
export async function missing(folder, options) {
  const doctor = new Container(folder, { ...options, entrypoint: ['/usr/bin/viv'] },
    ['doctor', '--json']);

  await doctor.exited;
  return JSON.parse(doctor.stdout).flags.flatMap((flag) => flag.split(' '));
}
