// Clients that talk and listen all the time, and connect again when they are told to.
//
//   node clients.mjs ws|socket.io ADDRESS COUNT SAY_MS
//
// Prints a line `open` when all are connected, and one of JSON with what has happened whenever a line comes on
// stdin; ends with stdin.

import { createInterface } from 'node:readline';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { isWhole, text } from './texts.mjs';

const [, , kind, address, count, say] = process.argv;
const SAY_MS = Number(say);
const COUNT = Number(count);

const seen = {
  open: 0, // now
  messages: 0,
  acks: 0,
  codes: {}, // of closes
  reasons: {},
  releases: {}, // connections now, by release
  stale: 0, // connections that came again to the release that closed them
  faults: [],
};
const add = (to, key, n = 1) => {
  to[key] = (to[key] ?? 0) + n;
};
const fault = (what) => seen.faults.length < 20 && seen.faults.push(what);

// What is the same for both: the turn of messages, and where a connection landed.
function listener() {
  let expected = 0;
  let release = 0;
  return {
    hello(now) {
      if (now <= release) seen.stale++;
      release = now;
      expected = 0;
      add(seen.releases, `r${now}`);
      if (++seen.open === COUNT && !seen.said) {
        seen.said = true;
        console.log('open');
      }
    },
    message(message) {
      seen.messages++;
      if (!isWhole(message)) fault(`message ${message.n} is not as it was sent`);
      if (message.n !== expected) fault(`message ${message.n} instead of ${expected}`);
      expected = message.n + 1;
    },
    over() {
      if (release) {
        seen.open--;
        add(seen.releases, `r${release}`, -1);
      }
    },
  };
}

function connectWs(me = listener()) {
  const socket = new WebSocket(`ws://${address}/ws`);
  let n = 0;
  let talk;
  let greeted = false;
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.release) {
      greeted = true;
      me.hello(message.release);
      if (SAY_MS) talk = setInterval(() => socket.send(JSON.stringify({ n, text: text(n++) })), SAY_MS);
    } else if (message.ack !== undefined) seen.acks++;
    else me.message(message);
  });
  socket.on('error', (error) => fault(error.message));
  socket.on('close', (code, reason) => {
    clearInterval(talk);
    if (ending) return;
    if (greeted) me.over();
    add(seen.codes, code);
    add(seen.reasons, reason.toString());
    connectWs(me);
  });
  return socket;
}

function connectIo() {
  const me = listener();
  const socket = io(`http://${address}`, { transports: ['websocket'], forceNew: true, reconnectionDelay: 50 });
  let n = 0;
  let talk;
  socket.on('hello', ({ release }) => {
    me.hello(release);
    n = 0;
    // What waits for a connection that is gone is not said to the next one: it would come out of turn.
    if (SAY_MS)
      talk = setInterval(() => {
        if (socket.connected) socket.volatile.emit('message', { n, text: text(n++) }, () => seen.acks++);
      }, SAY_MS);
  });
  socket.on('message', (message) => me.message(message));
  socket.io.on('reconnect_error', (error) => fault(`reconnect: ${error.message}`));
  socket.on('disconnect', (why, how) => {
    clearInterval(talk);
    if (ending) return;
    me.over();
    add(seen.codes, how?.context?.code ?? how?.description ?? why);
    add(seen.reasons, how?.context?.reason ?? why);
  });
}

let ending = false;
createInterface({ input: process.stdin })
  .on('line', () => console.log(JSON.stringify(seen)))
  .on('close', () => {
    ending = true;
    process.exit(0);
  });

for (let i = 0; i < COUNT; i++) {
  if (kind === 'ws') connectWs();
  else connectIo();
  if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 20));
}
