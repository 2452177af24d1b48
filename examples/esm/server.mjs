// An ES module with top-level await; the port is written into the code.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const routes = {
  'GET /': (req) => ({
    app: 'esm',
    version: process.env.VERSION || 'v1',
    pid: process.pid,
    client: req.socket.remoteAddress,
    address: server.address(),
  }),
  'GET /slow': async (_req, url) => {
    await sleep(Number(url.searchParams.get('ms') || 1000));
    return { pid: process.pid };
  },
  'POST /echo': async (req) => {
    const hash = createHash('sha256');
    let length = 0;
    await pipeline(req, async (chunks) => {
      for await (const chunk of chunks) {
        hash.update(chunk);
        length += chunk.length;
      }
    });
    return { length, sha256: hash.digest('hex') };
  },
  'GET /ready': () => ({ ok: true }),
  'GET /live': () => ({ ok: true }),
};

const server = createServer(async (req, res) => {
  const url = new URL(req.url, 'http://localhost');
  const route = routes[`${req.method} ${url.pathname}`];
  res.setHeader('content-type', 'application/json');
  try {
    res.statusCode = route ? 200 : 404;
    res.end(JSON.stringify(route ? await route(req, url) : { error: 'not found' }));
  } catch (error) {
    // The client went away in the middle of its request.
    res.destroy(error);
  }
});

server.listen(3003);
await once(server, 'listening');
console.log('listening on', server.address());
