// Who the app believes to be at the other end.

import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { test } from 'node:test';
import { App, freePort, until } from './app.mjs';

const env = { LISTEN: '[3000]', UPGRADES: '1' };
const V4 = { remoteAddress: '203.0.113.7', remotePort: 54321, remoteFamily: 'IPv4' };
const V6 = { remoteAddress: '2001:db8::1', remotePort: 443, remoteFamily: 'IPv6' };
const LOCAL = { remoteAddress: '127.0.0.1', remotePort: 0, remoteFamily: 'IPv4' };

const peer = ({ remoteAddress, remotePort, remoteFamily }) => ({ remoteAddress, remotePort, remoteFamily });

test('each request on a kept connection has its own client', async (t) => {
  const app = new App(t, 'http.cjs', { env });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  await app.said('listening');
  const ask = (client) => app.once('/', client ? { 'x-gapless-client': client } : {}, agent);
  assert.deepEqual(peer(await ask('203.0.113.7:54321')), V4);
  assert.deepEqual(peer(await ask('[2001:db8::1]:443')), V6);
  assert.deepEqual(peer(await ask(undefined)), LOCAL);
  assert.deepEqual(peer(await ask('nonsense')), LOCAL);
  assert.deepEqual(peer(await ask('999.0.0.1:1')), LOCAL);
  const connections = app.lines.filter((line) => line.connection);
  const local = { address: '127.0.0.1', family: 'IPv4', port: 3000 };
  assert.deepEqual(connections, [{ connection: '127.0.0.1', named: local }]);
});

test('the header is gone, and the others are untouched', async (t) => {
  const app = new App(t, 'http.cjs', { env });
  const plain = await app.get('/', { 'x-first': 'a', cookie: 'b=c' });
  const named = await app.get('/', { 'x-first': 'a', 'X-Gapless-Client': '203.0.113.7:54321', cookie: 'b=c' });
  for (const part of ['headers', 'rawHeaders', 'distinct']) assert.deepEqual(named[part], plain[part], part);
  assert.deepEqual([named.localAddress, named.localPort], ['127.0.0.1', 3000]);
});

test('upgrades and expectations have their client too', async (t) => {
  const app = new App(t, 'http.cjs', { env });
  await app.said('listening');
  const head = 'Host: x\r\nX-Gapless-Client: [2001:db8::1]:443\r\n';
  const upgraded = await app.raw(`GET / HTTP/1.1\r\n${head}Connection: upgrade\r\nUpgrade: test\r\n\r\n`);
  const [, upgrade] = upgraded.split('\r\n\r\n');
  assert.deepEqual(peer(JSON.parse(upgrade)), V6);
  assert.ok(!upgrade.toLowerCase().includes('x-gapless'));
  const expect = `POST / HTTP/1.1\r\n${head}Connection: close\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n`;
  const continued = (await app.raw(expect)).split('\r\n\r\n').pop();
  const answer = JSON.parse(continued.match(/\{.*\}/)[0]);
  assert.deepEqual([answer.event, peer(answer)], ['checkContinue', V6]);
});

test('an upgrade stays an ordinary request for a server that has no handler for it', async (t) => {
  const app = new App(t, 'http.cjs', { env: { LISTEN: '[3000]' } });
  const asked = await app.get('/', { connection: 'upgrade', upgrade: 'h2c', 'x-gapless-client': '203.0.113.7:54321' });
  assert.deepEqual([asked.event, peer(asked)], ['request', V4]);
});

test('nobody can name himself on another port of the app', async (t) => {
  const port = await freePort();
  const app = new App(t, 'http.cjs', { env: { LISTEN: `[${port}, "127.0.0.1"]` } });
  await app.said('listening');
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-gapless-client': '203.0.113.7:54321' } });
  const seen = await answer.json();
  assert.equal(seen.remoteAddress, '127.0.0.1');
  assert.equal(seen.headers['x-gapless-client'], '203.0.113.7:54321');
});

test('resetAndDestroy ends the connection', async (t) => {
  const app = new App(t, 'http.cjs', { env });
  await app.said('listening');
  await assert.rejects(app.once('/reset'), { code: 'ECONNRESET' });
  assert.equal((await app.get()).event, 'request');
});

test('ES modules and worker threads', async (t) => {
  for (const file of ['esm.mjs', 'thread.cjs']) {
    const app = new App(t, file);
    assert.deepEqual(await app.get('/', { 'x-gapless-client': '203.0.113.7:1' }), { remoteAddress: '203.0.113.7' }, file);
  }
});

test('a connection handed to a child', async (t) => {
  const app = new App(t, 'sticky.cjs');
  const headers = { 'x-gapless-client': '203.0.113.7:1', connection: 'close' };
  const seen = await app.get('/', headers);
  assert.equal(seen.remoteAddress, '203.0.113.7');
  assert.deepEqual(Object.keys(seen.headers), ['connection', 'host']);
});

test('a raw server, and an HTTP server that it feeds', async (t) => {
  const app = new App(t, 'raw.cjs');
  assert.deepEqual(JSON.parse(await app.raw('hello\n')), { remoteAddress: '127.0.0.1' });
  const headers = { 'x-gapless-client': '203.0.113.7:1', connection: 'close' };
  assert.deepEqual(await app.get('/', headers), { remoteAddress: '203.0.113.7' });
});

test('HTTP/2 without TLS', async (t) => {
  const app = new App(t, 'h2c.cjs');
  await until('the socket', () => new Promise((done) => {
    const socket = net.connect(app.socket, () => (socket.destroy(), done(true))).on('error', () => done(false));
  }));
  const session = http2.connect('http://x', { createConnection: () => net.connect(app.socket) });
  t.after(() => session.destroy());
  const stream = session.request({ ':path': '/', 'x-gapless-client': '203.0.113.7:1' });
  let body = '';
  for await (const chunk of stream) body += chunk;
  const seen = JSON.parse(body);
  assert.equal(seen.remoteAddress, '203.0.113.7');
  assert.ok(!body.includes('x-gapless-client'), body);
});
