// Which listens are adopted, and what the app gets to see of it.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { App, freePort } from './app.mjs';

/** What Node binds when no address is asked for. */
const ANY = existsSync('/proc/net/if_inet6') ? '::' : '0.0.0.0';

const forms = [
  [[3000], ANY],
  [['3000'], ANY],
  [[3000, '127.0.0.1'], '127.0.0.1'],
  [[3000, 'localhost', 128], '127.0.0.1'],
  [[3000, 128], ANY],
  [[3000, null], ANY],
  [[{ port: 3000 }], ANY],
  [[{ port: '3000', host: '0.0.0.0', exclusive: true, backlog: 5 }], '0.0.0.0'],
  [[{ port: 3000, host: '::1', path: '/nowhere' }], '::1'],
];

for (const [args, address] of forms) {
  test(`listen(${JSON.stringify(args).slice(1, -1)}) goes to the socket`, async (t) => {
    const app = new App(t, 'http.cjs', { env: { LISTEN: JSON.stringify(args) } });
    const { listening } = await app.said('listening');
    assert.deepEqual(listening, { address, family: address.includes(':') ? 'IPv6' : 'IPv4', port: 3000 });
    assert.deepEqual((await app.get()).address, listening);
    assert.equal(app.errors, '');
  });
}

test('PORT counts where GAPLESS_PORT is not given', async (t) => {
  const app = new App(t, 'http.cjs', { env: { GAPLESS_PORT: '', PORT: '4711', LISTEN: '[4711]' } });
  assert.equal((await app.said('listening')).listening.port, 4711);
  assert.ok(existsSync(app.socket));
});

test('other ports, port 0 and paths are left alone', async (t) => {
  const metrics = await freePort();
  const second = [[metrics, '127.0.0.1'], [0, '127.0.0.1'], [{ path: 'own.sock' }]];
  const app = new App(t, 'http.cjs', { env: { LISTEN: '[3000]', SECOND: JSON.stringify(second) } });
  await app.said('second', 3);
  const others = app.lines.filter((line) => line.second).map((line) => line.second);
  assert.ok(others.some((at) => at.port === metrics), JSON.stringify(others));
  assert.ok(others.some((at) => at === 'own.sock'));
  assert.equal(await (await fetch(`http://127.0.0.1:${metrics}/`)).text(), 'second');
  assert.equal((await app.get()).address.port, 3000);
});

test('without GAPLESS_SOCKET nothing changes', async (t) => {
  const port = await freePort();
  const app = new App(t, 'http.cjs', { env: { GAPLESS_SOCKET: '', GAPLESS_PORT: `${port}`, LISTEN: `[${port}, "127.0.0.1"]` } });
  await app.said('listening');
  assert.equal((await (await fetch(`http://127.0.0.1:${port}/`)).json()).address.port, port);
});

test('a second server on the port gets EADDRINUSE for that port', async (t) => {
  const app = new App(t, 'http.cjs', { env: { LISTEN: '[3000]', SECOND: '[[3000]]' } });
  const { second, message, address, port } = await app.said('second');
  assert.deepEqual([second, address, port], ['EADDRINUSE', ANY, 3000]);
  assert.equal(message, `listen EADDRINUSE: address already in use ${ANY}:3000`);
  assert.equal((await app.get()).event, 'request');
});

test('the port on a second local address is no conflict, as with TCP', async (t) => {
  const env = { LISTEN: '[3000, "127.0.0.1"]', SECOND: '[[3000, "::1"]]' };
  const app = new App(t, 'http.cjs', { env });
  assert.deepEqual((await app.said('second')).second, { address: '::1', family: 'IPv6', port: 3000 });
  assert.equal((await app.get()).address.address, '127.0.0.1');
});

test('another process on the port gets EADDRINUSE, and the first keeps serving', async (t) => {
  const first = new App(t, 'http.cjs', { env: { LISTEN: '[3000]' } });
  await first.said('listening');
  const second = new App(t, 'http.cjs', { env: { LISTEN: '[3000]' }, socket: first.socket });
  assert.equal((await second.said('error')).error, 'EADDRINUSE');
  assert.equal((await first.get()).pid, first.child.pid);
});

test('a socket that a killed process left is no obstacle', async (t) => {
  const app = new App(t, 'http.cjs', { env: { LISTEN: '[3000]' } });
  await app.said('listening');
  await app.stop();
  assert.ok(existsSync(app.socket));
  app.start('http.cjs', { LISTEN: '[3000]' });
  await app.said('listening', 2);
  assert.equal((await app.get()).pid, app.child.pid);
});

test('a closed server has no address and leaves no file', async (t) => {
  const app = new App(t, 'http.cjs', { env: { LISTEN: '[3000]' } });
  await app.get('/close', { connection: 'close' });
  assert.equal((await app.said('closed')).closed, null);
  assert.deepEqual(await app.exit, { code: 0, signal: null });
  assert.ok(!existsSync(app.socket));
});

test('where the socket cannot be made, the app gets its port, and we say so', async (t) => {
  const port = await freePort();
  const env = { GAPLESS_PORT: `${port}`, LISTEN: `[${port}, "127.0.0.1"]` };
  const app = new App(t, 'http.cjs', { env, socket: '/nonexistent/app.sock' });
  assert.deepEqual((await app.said('listening')).listening, { address: '127.0.0.1', family: 'IPv4', port });
  assert.equal(app.lines.filter((line) => line.listening).length, 1);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  assert.match(app.errors, /^gapless: cannot listen on \/nonexistent\/app.sock \(.+\); listening on port \d+ instead\n$/);
});

test('a path that does not fit a socket address is said, not cut', async (t) => {
  const port = await freePort();
  const env = { GAPLESS_PORT: `${port}`, LISTEN: `[${port}, "127.0.0.1"]` };
  const app = new App(t, 'http.cjs', { env, socket: `/tmp/${'x'.repeat(103)}` });
  await app.said('listening');
  assert.match(app.errors, /longer than 107 bytes/);
});

test('a TLS server is left alone, and we say why', async (t) => {
  const port = await freePort();
  const app = new App(t, 'tls.cjs', { env: { GAPLESS_PORT: '', PORT: `${port}` } });
  assert.equal((await app.said('port')).port, port);
  assert.match(app.errors, /^gapless: the server on port \d+ speaks TLS and is left alone/);
});

test('a process that does not listen notices nothing', async (t) => {
  const script = `console.log(JSON.stringify({ keys: Object.keys(require('net').Server.prototype).length,
    names: ['listen', 'address'].map((n) => require('net').Server.prototype[n].name),
    modules: process.moduleLoadList.filter((m) => /NativeModule (http|tls|cluster|child_process)$/.test(m)) }))`;
  const plain = new App(t, null, { words: ['-e', script], env: { NODE_OPTIONS: '' } });
  const loaded = new App(t, null, { words: ['-e', script] });
  const [without, having] = await Promise.all([plain.said('keys'), loaded.said('keys')]);
  assert.equal(having.keys, without.keys);
  assert.deepEqual(having.modules, without.modules);
  assert.deepEqual(await loaded.exit, { code: 0, signal: null });
  assert.equal(loaded.errors, '');
});
