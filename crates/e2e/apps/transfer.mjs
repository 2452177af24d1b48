// A client of long.mjs with a lot to carry.
//
//   node transfer.mjs ADDRESS upload MB       sends so many MiB, a tenth at once; the rest when it is told to
//   node transfer.mjs ADDRESS download MB     the same, taking them
//
// Prints `open` when it is under way; then, for a line on stdin, goes on to the end and prints one line of JSON.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { createInterface } from 'node:readline';

const [, , address, what, mb] = process.argv;
const [host, port] = address.split(':');
const MB = Number(mb);
const hash = createHash('sha1');
const told = once(createInterface({ input: process.stdin }), 'line');
const begun = async () => {
  console.log('open');
  await told;
};

if (what === 'upload') {
  const req = request({ host, port, path: '/upload', method: 'POST', headers: { 'content-length': MB << 20 } });
  const answered = once(req, 'response');
  const noise = randomBytes(1 << 20);
  for (let n = 0; n < MB; n++) {
    if (n === Math.floor(MB / 10)) await begun();
    const block = Buffer.from(noise);
    block.writeUInt32BE(n);
    hash.update(block);
    if (!req.write(block)) await once(req, 'drain');
  }
  req.end();
  const [res] = await answered;
  let text = '';
  for await (const chunk of res) text += chunk;
  console.log(JSON.stringify({ status: res.statusCode, sent: hash.digest('hex'), got: JSON.parse(text) }));
} else {
  const req = request({ host, port, path: `/download?mb=${MB}`, headers: { te: 'trailers' } });
  req.end();
  const [res] = await once(req, 'response');
  let length = 0;
  let waited = false;
  for await (const chunk of res) {
    hash.update(chunk);
    length += chunk.length;
    if (!waited && length > (MB << 20) / 10) {
      waited = true;
      await begun();
    }
  }
  const said = res.trailers['x-sha1'];
  const pid = Number(res.headers['x-pid']);
  console.log(JSON.stringify({ status: res.statusCode, length, said, got: hash.digest('hex'), pid }));
}
process.exit(0);
