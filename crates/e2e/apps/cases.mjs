// The app of the end-to-end tests: plain node:http on a port that is written into the code, and as well or ill
// behaved as its environment says.
//
//   node cases.mjs [PORT]     listens on PORT, 3000 by default; never on the variable PORT
//
//   VERSION          what `GET /` answers as version, and the header x-version
//   PROTOCOL         h2c: speaks HTTP/2 in clear text and nothing else
//   HANDLER_MS       how long a handler takes, 20 by default
//   SHUTDOWN         naive: no signal handler (default)
//                    close: server.close() on SIGTERM, then exit
//                    linger: serves one more second with `Connection: close`, then close
//   BOOT_MS          this long before it listens
//   CRASH_AT_BOOT    exits with code 1 instead of listening, after BOOT_MS
//   NEVER_READY      /ready answers 503, and the body says why
//   READY_REDIRECT   /ready answers 302 to this
//   CRASH_AFTER_MS   dies of an uncaught error this long after /ready was first answered with 200
//   WRONG_PORT       listens on this port, whatever it was told
//   ALONE            cannot run twice: exits with code 1 at its boot if another process has this port
//
// Paths: / (JSON: version, pid, client, address, handled), /slow?ms=, /stream?ms= (a line every 20 ms, then "end"),
// /status?code= (answers so), POST /echo (JSON: length, sha256),
// /ready, /live, and to misbehave on demand:
//   POST /unready?ms=   /ready answers 503 for so long
//   POST /ill?ms=       everything but the probes answers 500 for so long
//   POST /wedge         the event loop stands still for ever
//   POST /grow?mb=      takes so much memory and keeps it
//   POST /crash         dies of an uncaught error
// An upgrade (any protocol) is accepted, and every byte sent back.

import { createHash } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const env = process.env;
const H2C = env.PROTOCOL === 'h2c';
const VERSION = env.VERSION ?? 'v1';
const HANDLER_MS = Number(env.HANDLER_MS ?? 20);
const PORT = Number(env.WRONG_PORT ?? process.argv[2] ?? 3000);

let lingering = false;
let handled = 0;
const grown = [];
let unreadyUntil = 0;
let illUntil = 0;
let wasReady = false;

const crash = (why) => {
  throw new Error(`${VERSION} crashes: ${why}`);
};

function ready(res) {
  if (env.NEVER_READY) return answer(res, 503, { ready: false, why: 'the database schema is older than this version' });
  if (env.READY_REDIRECT) {
    res.setHeader('location', env.READY_REDIRECT);
    return answer(res, 302, {});
  }
  if (Date.now() < unreadyUntil) return answer(res, 503, { ready: false, why: 'told to be unready' });
  if (!wasReady && env.CRASH_AFTER_MS) setTimeout(crash, Number(env.CRASH_AFTER_MS), 'CRASH_AFTER_MS is over');
  wasReady = true;
  return answer(res, 200, { ready: true });
}

async function echo(req, res) {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of req) {
    hash.update(chunk);
    length += chunk.length;
  }
  await sleep(HANDLER_MS);
  answer(res, 200, { length, sha256: hash.digest('hex') });
}

function answer(res, status, body) {
  handled += 1;
  const text = JSON.stringify(body);
  res.statusCode = status;
  res.setHeader('content-type', 'application/json');
  res.setHeader('content-length', Buffer.byteLength(text));
  res.setHeader('x-version', VERSION);
  if (lingering && !H2C) res.setHeader('connection', 'close');
  res.end(text);
}

const server = (H2C ? createHttp2Server : createHttpServer)(async (req, res) => {
  const url = new URL(req.url, 'http://localhost');
  const ms = Number(url.searchParams.get('ms') ?? 1000);
  if (Date.now() < illUntil && !['/ready', '/live'].includes(url.pathname)) {
    return answer(res, 500, { pid: process.pid });
  }
  try {
    switch (`${req.method} ${url.pathname}`) {
      case 'GET /':
        await sleep(HANDLER_MS);
        return answer(res, 200, {
          version: VERSION,
          pid: process.pid,
          client: req.socket.remoteAddress,
          address: server.address(),
          handled,
        });
      case 'GET /slow':
        await sleep(ms);
        return answer(res, 200, { version: VERSION, pid: process.pid });
      case 'GET /stream':
        res.setHeader('x-version', VERSION);
        for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) res.write(`${VERSION}\n`);
        return res.end('end\n');
      case 'GET /status':
        return answer(res, Number(url.searchParams.get('code')), { version: VERSION, pid: process.pid });
      case 'POST /echo':
        return await echo(req, res);
      case 'GET /ready':
        return ready(res);
      case 'GET /live':
        return answer(res, 200, { live: true });
      case 'POST /unready':
        unreadyUntil = Date.now() + ms;
        return answer(res, 200, { pid: process.pid });
      case 'POST /ill':
        illUntil = Date.now() + ms;
        return answer(res, 200, { pid: process.pid });
      case 'POST /wedge':
        answer(res, 200, { pid: process.pid });
        return void setTimeout(() => {
          for (;;);
        }, 50);
      case 'POST /grow':
        grown.push(Buffer.alloc(Number(url.searchParams.get('mb')) << 20, 1));
        return answer(res, 200, { pid: process.pid });
      case 'POST /crash':
        answer(res, 200, { pid: process.pid });
        return void setTimeout(crash, 50, 'told to');
      default:
        return answer(res, 404, { error: 'not found' });
    }
  } catch (error) {
    // The client went away in the middle of its request.
    res.destroy(error);
  }
});

server.on('upgrade', (req, socket, head) => {
  socket.on('error', () => socket.destroy());
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${req.headers.upgrade}\r\nX-Version: ${VERSION}\r\n\r\n`,
  );
  socket.write(head);
  socket.pipe(socket);
});

if (env.SHUTDOWN === 'close' || env.SHUTDOWN === 'linger') {
  process.once('SIGTERM', async () => {
    console.log(`${VERSION}: SIGTERM, ${env.SHUTDOWN}`);
    if (env.SHUTDOWN === 'linger') {
      lingering = true;
      await sleep(1000);
    }
    server.close(() => process.exit(0));
  });
}

if (env.ALONE) {
  const mine = createTcpServer();
  mine.once('error', (error) => {
    console.error(`${VERSION}: another one runs: ${error.message}`);
    process.exit(1);
  });
  await new Promise((listening) => mine.listen({ port: Number(env.ALONE), host: '127.0.0.1', exclusive: true }, listening));
}
await sleep(Number(env.BOOT_MS ?? 0));
if (env.CRASH_AT_BOOT) {
  console.error(`${VERSION}: cannot read the settings: DATABASE_URL is not set`);
  process.exit(1);
}
server.listen(PORT, () => console.log(`${VERSION}: listening on port ${server.address().port}`));
