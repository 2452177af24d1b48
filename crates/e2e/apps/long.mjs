// Work that takes long, and the corners of HTTP/1.1: plain node:http, and nothing handles its shutdown.
//
//   POST /upload          reads the body: { pid, length, sha1 }
//   GET  /download?mb=    so many MiB of noise, chunked; the trailer x-sha1 says what was sent
//   GET  /events          server-sent events, each when `POST /emit` asks for one; `POST /end` ends them all
//   POST /echo            the body and its trailers back, chunked, as they come
//   GET  /file            12 bytes with a length; HEAD the same without them
//   GET  /nothing?code=   204 or 304
//   GET  /late            after 300 ms
//   POST /refuse          413 before the body is read
//   POST /guarded         with `Expect: 100-continue`: refused with 403 unless x-token is there, else read
//   GET  /                { pid }

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const pid = process.pid;
const listeners = new Set();
let emitted = 0;

function answer(res, status, body) {
  const text = JSON.stringify(body);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  res.end(text);
}

async function upload(req, res) {
  const hash = createHash('sha1');
  let length = 0;
  for await (const chunk of req) {
    hash.update(chunk);
    length += chunk.length;
  }
  answer(res, 200, { pid, length, sha1: hash.digest('hex') });
}

async function download(res, mb) {
  res.writeHead(200, { 'x-pid': pid, trailer: 'x-sha1' });
  const noise = randomBytes(1 << 20);
  const hash = createHash('sha1');
  for (let n = 0; n < mb; n++) {
    const block = Buffer.from(noise);
    block.writeUInt32BE(n);
    hash.update(block);
    if (!res.write(block)) await once(res, 'drain');
  }
  res.addTrailers({ 'x-sha1': hash.digest('hex') });
  res.end();
}

async function echo(req, res) {
  res.writeHead(200, { trailer: 'x-sum' });
  for await (const chunk of req) res.write(chunk);
  res.addTrailers({ 'x-sum': req.trailers['x-sum'] });
  res.end();
}

function handle(req, res) {
  const url = new URL(req.url, 'http://localhost');
  res.on('error', () => {});
  switch (`${req.method} ${url.pathname}`) {
    case 'POST /upload':
    case 'POST /guarded':
      return upload(req, res).catch(() => res.destroy());
    case 'GET /download':
      return download(res, Number(url.searchParams.get('mb'))).catch(() => res.destroy());
    case 'GET /events':
      res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      res.write(`data: hello ${pid}\n\n`);
      return listeners.add(res);
    case 'POST /emit':
      emitted += 1;
      for (const to of listeners) to.write(`data: ${emitted} ${pid}\n\n`);
      return answer(res, 200, { emitted });
    case 'POST /end':
      for (const to of listeners) to.end();
      return answer(res, 200, {});
    case 'POST /echo':
      return echo(req, res).catch(() => res.destroy());
    case 'GET /file':
    case 'HEAD /file':
      res.writeHead(200, { 'content-length': 12, 'x-pid': pid });
      return res.end('twelve bytes');
    case 'GET /nothing':
      return res.writeHead(Number(url.searchParams.get('code')), { etag: '"1"' }).end();
    case 'GET /late':
      return setTimeout(() => answer(res, 200, { pid }), 300);
    case 'POST /refuse':
      return answer(res, 413, { pid });
    default:
      return answer(res, 200, { pid });
  }
}

const server = createServer(handle);
server.on('checkContinue', (req, res) => {
  if (!req.headers['x-token']) return answer(res, 403, { pid });
  res.writeContinue();
  handle(req, res);
});
// A long upload is not a slow one.
server.requestTimeout = 0;
server.listen(3000);
