// Runs the apps beside this file with the preload, as an instance would be, and talks to them over the socket.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PRELOAD = new URL('../preload.cjs', import.meta.url).pathname;

/** Generous: a loaded machine starts Node in seconds. */
const DEADLINE = 30_000;

/** One app and its directory; both are gone when the test `t` ends. */
export class App {
  constructor(t, file, { env = {}, socket, words = [] } = {}) {
    this.directory = mkdtempSync(join(tmpdir(), 'gapless-preload-'));
    this.socket = socket ?? join(this.directory, 'app.sock');
    this.lines = [];
    this.errors = '';
    this.start(file, env, words);
    t.after(async () => {
      await this.stop();
      rmSync(this.directory, { recursive: true, force: true });
    });
  }

  start(file, env, words = []) {
    const { GAPLESS_SOCKET: _s, GAPLESS_PORT: _p, NODE_OPTIONS: _o, ...inherited } = process.env;
    const path = file && new URL(`apps/${file}`, import.meta.url).pathname;
    this.child = spawn(process.execPath, file ? [path, ...words] : words, {
      env: { ...inherited, NODE_OPTIONS: `--require=${PRELOAD}`, GAPLESS_SOCKET: this.socket, GAPLESS_PORT: '3000', ...env },
      cwd: this.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a group of its own, so that nothing that it starts outlives the test
    });
    this.exit = new Promise((done) => this.child.once('close', (code, signal) => done({ code, signal })));
    createInterface({ input: this.child.stdout }).on('line', (line) => this.lines.push(JSON.parse(line)));
    this.child.stderr.on('data', (chunk) => (this.errors += chunk));
  }

  async stop(signal = 'SIGKILL') {
    if (this.child.exitCode === null && this.child.signalCode === null) process.kill(-this.child.pid, signal);
    return this.exit;
  }

  /** The first line on stdout with this key, once it is there. */
  said(key, count = 1) {
    return until(`a line with "${key}" (stderr: ${this.errors})`, () => {
      const lines = this.lines.filter((line) => key in line);
      return lines.length >= count ? lines[count - 1] : undefined;
    });
  }

  /** GET over the socket, once somebody listens there. The answer's body, as JSON. */
  get(path = '/', headers = {}, agent = undefined) {
    return until(`an answer on ${this.socket}`, () => this.once(path, headers, agent).catch(() => undefined));
  }

  /** One GET over the socket, however it ends. */
  once(path = '/', headers = {}, agent = undefined) {
    return new Promise((done, fail) => {
      http
        .get({ socketPath: this.socket, path, headers, agent }, (res) => {
          let body = '';
          res.on('data', (chunk) => (body += chunk)).on('error', fail);
          res.on('end', () => done(body === '' ? null : JSON.parse(body)));
        })
        .on('error', fail);
    });
  }

  /** Writes bytes to the socket, and reads to the end. */
  raw(bytes) {
    return until(`an end on ${this.socket}`, () => new Promise((done) => {
      let text = '';
      const socket = net.connect(this.socket);
      socket.on('connect', () => socket.write(bytes));
      socket.on('data', (chunk) => (text += chunk));
      socket.on('error', () => done(undefined));
      socket.on('end', () => done(text));
    }));
  }
}

/** What `probe` gives, once it gives anything. */
export async function until(what, probe) {
  const deadline = Date.now() + DEADLINE;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${DEADLINE} ms for ${what}`);
    await new Promise((again) => setTimeout(again, 20));
  }
}

/** A TCP port that is free right now. */
export function freePort() {
  return new Promise((done) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}
