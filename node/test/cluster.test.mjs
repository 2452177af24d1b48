// Node's own cluster: the primary binds, the workers serve.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, freePort, until } from './app.mjs';

/** The worker that answers, asked over a new connection. */
async function answer(app) {
  const seen = await app.get('/', { 'x-gapless-client': '203.0.113.7:1' });
  assert.deepEqual([seen.remoteAddress, seen.address.port], ['203.0.113.7', 3000]);
  return seen.pid;
}

for (const policy of ['rr', 'none']) {
  for (const OPTIONS of ['{}', '{"host":"127.0.0.1","reusePort":true,"exclusive":true}']) {
    test(`policy ${policy}, ${OPTIONS}: workers share, die and come back`, async (t) => {
      const app = new App(t, 'cluster.cjs', { env: { NODE_CLUSTER_SCHED_POLICY: policy, OPTIONS } });
      assert.equal((await app.said('port')).port, 3000);
      await app.said('port', 2);
      const before = new Set();
      if (policy === 'rr') await until('both workers', async () => before.add(await answer(app)).size === 2);
      else before.add(await answer(app));
      for (let death = 1; death <= 2; death++) {
        await app.once('/die').catch(() => {});
        await app.said('port', 2 + death);
      }
      await until('a new worker', async () => !before.has(await answer(app)));
      assert.equal(app.errors, '');
    });
  }
}

test('exclusive: one worker has the port, the other is told that it is in use', async (t) => {
  const app = new App(t, 'cluster.cjs', { env: { OPTIONS: '{"exclusive":true}' } });
  const { error, port } = await app.said('error');
  assert.deepEqual([error, port], ['EADDRINUSE', 3000]);
  const first = await answer(app);
  // Killed, it leaves the file of its socket behind; the one that is forked instead takes over.
  await app.once('/die').catch(() => {});
  await until('another worker', async () => (await answer(app)) !== first);
});

test('a cluster that was killed as a whole can be started again, in the directory of its socket too', async (t) => {
  const app = new App(t, 'cluster.cjs');
  await app.said('port', 2);
  await app.stop();
  app.start('cluster.cjs', {});
  await app.said('port', 4);
  await answer(app);
});

test('where the socket cannot be made, workers get the port', async (t) => {
  const port = await freePort();
  const env = { GAPLESS_PORT: `${port}`, OPTIONS: '{"host":"127.0.0.1"}' };
  const app = new App(t, 'cluster.cjs', { env, socket: '/nonexistent/app.sock' });
  await app.said('port', 2);
  const seen = await (await fetch(`http://127.0.0.1:${port}/`)).json();
  assert.deepEqual([seen.remoteAddress, seen.address.port], ['127.0.0.1', port]);
  assert.match(app.errors, /cannot listen on \/nonexistent\/app.sock/);
});
