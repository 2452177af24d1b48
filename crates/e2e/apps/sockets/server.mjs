// A server of WebSockets by `ws` (at /ws, and one that sends back what it gets at /echo) and by `socket.io`, for
// the end-to-end tests. It says on stdout what no app should see: a message that is not as it was sent, one out of
// turn, a connection that ended without a close.
//
// Each message is JSON { n, text }, and the text follows from n: see texts.mjs.

import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from 'socket.io';
import { WebSocketServer } from 'ws';
import { isWhole, text } from './texts.mjs';

const release = Number((process.env.GAPLESS_RELEASE ?? 'r0').replace(/^r/, ''));
const PUSH_MS = Number(process.env.PUSH_MS ?? 20);
const fault = (what) => console.log(`FAULT ${what}`);

const server = createServer((req, res) => {
  res.setHeader('x-version', `r${release}`);
  res.end(JSON.stringify({ release }));
});

function follow(name) {
  let expected = 0;
  return (message) => {
    if (!isWhole(message)) fault(`a message to ${name} is not as it was sent: ${JSON.stringify(message).slice(0, 80)}`);
    if (message.n !== expected) fault(`message ${message.n} to ${name} instead of ${expected}`);
    expected = message.n + 1;
  };
}

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 100 } });
sockets.on('connection', async (socket) => {
  const took = follow('ws');
  // Nothing but control frames may come between the fragments of a message.
  let within = false;
  const later = [];
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    took(message);
    const ack = JSON.stringify({ ack: message.n });
    if (within) later.push(ack);
    else socket.send(ack);
  });
  socket.on('error', (error) => fault(`ws: ${error.message}`));
  // 1006 is what `ws` says of a connection that ended without a close frame (RFC 6455 section 7.1.5).
  socket.on('close', (code) => code === 1006 && fault('ws: ended without a close'));
  socket.send(JSON.stringify({ release }));
  for (let n = 0; PUSH_MS && socket.readyState === socket.OPEN; n++) {
    const whole = JSON.stringify({ n, text: text(n) });
    if (n % 3 === 0) {
      // In three fragments, with time between them for anything that must not come there.
      const third = Math.ceil(whole.length / 3);
      within = true;
      socket.send(whole.slice(0, third), { fin: false });
      await sleep(PUSH_MS / 2);
      if (socket.readyState !== socket.OPEN) break;
      socket.send(whole.slice(third, 2 * third), { fin: false });
      socket.ping();
      await sleep(1);
      if (socket.readyState !== socket.OPEN) break;
      socket.send(whole.slice(2 * third));
      within = false;
      later.splice(0).forEach((ack) => socket.send(ack));
    } else {
      socket.send(whole);
    }
    await sleep(PUSH_MS);
  }
});

const echoes = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 64 * 1024 * 1024 });
echoes.on('connection', (socket) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('error', (error) => fault(`echo: ${error.message}`));
});

server.on('upgrade', (req, socket, head) => {
  const of = { '/ws': sockets, '/echo': echoes }[req.url];
  of?.handleUpgrade(req, socket, head, (ws) => of.emit('connection', ws, req));
});

const io = new Server(server, { perMessageDeflate: { threshold: 100 } });
// Not by what socket.io calls it: a message that it writes just as the client closes is a "transport error" to it.
io.engine.on('connection', ({ transport }) => {
  transport.socket.on('close', (code) => code === 1006 && fault('socket.io: ended without a close'));
});
io.on('connection', async (socket) => {
  const took = follow('socket.io');
  socket.on('message', (message, answer) => {
    took(message);
    answer({ ack: message.n });
  });
  socket.emit('hello', { release });
  for (let n = 0; PUSH_MS && socket.connected; n++) {
    socket.emit('message', { n, text: text(n) });
    await sleep(PUSH_MS);
  }
});

server.listen(3000);
