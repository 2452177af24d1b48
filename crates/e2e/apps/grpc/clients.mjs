// gRPC clients that look closely: every message, every status, every trailer, and that a stream has one server
// from its beginning to its end. They retry nothing, not even what they have not sent.
//
//   node clients.mjs ADDRESS load     calls of all kinds at once, all the time
//   node clients.mjs ADDRESS unsent   the same, on another connection what could not be sent any more: Node's HTTP/2
//                                     client refuses by itself what was begun right before a GOAWAY came
//   node clients.mjs ADDRESS talk     one stream, held open
//
// Prints a line `open` when it has been served; then answers each line on stdin by one of JSON. Ends with stdin.
//   load:  any line            what has happened so far
//          stop                the same, when all calls that have begun are over
//   talk:  say                 a message and its echo: who has sent it
//          end                 the status of the stream
//          once                a call beside the stream, on the same connection: its status, and who has answered
//          goodbye             what a bare connection of HTTP/2, open since the beginning, has seen of its end

import { connect } from 'node:http2';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, makeClientConstructor, status } from '@grpc/grpc-js';
import { TRAILER, Work } from './work.mjs';

const [, , address, what] = process.argv;
const Client = makeClientConstructor(Work, 'Work');
const client = () =>
  new Client(address, credentials.createInsecure(), {
    'grpc.enable_retries': what === 'unsent' ? 1 : 0,
    // A connection of its own.
    'grpc.use_local_subchannel_pool': 1,
  });

const lines = createInterface({ input: process.stdin });
const say = (value) => console.log(typeof value === 'string' ? value : JSON.stringify(value));
lines.on('close', () => process.exit(0));

/** The end of a call: its status, and who has said so. */
const ended = (call) =>
  new Promise((over) => {
    call.on('error', () => {});
    call.on('status', ({ code, details, metadata }) =>
      over({ code, details, by: Number(metadata.get(TRAILER)[0]) || null }),
    );
  });

if (what !== 'talk') load();
else talk();

// ------------------------------------------------------------------------------------------------------ load

async function load() {
  const seen = { calls: {}, served: {}, faults: [] };
  let stopped = false;

  /** Makes calls of a kind one after the other, and says what was wrong with each. */
  async function again(kind, calls) {
    for (let n = 1; !stopped; n++) {
      const { by, faults } = await calls(n);
      seen.calls[kind] = (seen.calls[kind] ?? 0) + 1;
      seen.served[by] = (seen.served[by] ?? 0) + 1;
      if (faults.length && seen.faults.length < 20) seen.faults.push({ kind, n, by, faults });
    }
  }

  /** What all whole calls have in common. */
  function judge({ code, details, by }, messages, expected = status.OK) {
    const faults = [];
    if (code !== expected) faults.push(`status ${code}: ${details}`);
    if (!by) faults.push('no trailer');
    if (messages.some(({ pid }) => pid !== by)) faults.push('several servers');
    return { by, faults };
  }

  const once = (stub) => async (n) => {
    const text = String(n).repeat(1 + ((n * 37) % 2000));
    let answer;
    const call = stub.once({ text }, (_error, value) => (answer = value));
    const result = judge(await ended(call), answer ? [answer] : []);
    if (answer?.text !== text) result.faults.push('another text');
    return result;
  };
  const fail = (stub) => async (n) => {
    const code = [status.NOT_FOUND, status.INTERNAL, status.UNAUTHENTICATED][n % 3];
    const end = await ended(stub.fail({ code, details: `as asked: ${n} ü%` }, () => {}));
    const result = judge(end, [], code);
    if (end.details !== `as asked: ${n} ü%`) result.faults.push(`details ${end.details}`);
    return result;
  };
  const listen = (stub) => async () => {
    const call = stub.listen({ count: 30, ms: 25 });
    const messages = [];
    call.on('data', (message) => messages.push(message));
    const result = judge(await ended(call), messages);
    if (messages.length !== 30 || messages.some(({ n }, at) => n !== at)) result.faults.push('messages missing');
    return result;
  };
  const tell = (stub) => async () => {
    let answer;
    const call = stub.tell((_error, value) => (answer = value));
    const end = ended(call);
    for (let n = 0; n < 30; n++, await sleep(25)) call.write({ n });
    call.end();
    const result = judge(await end, answer ? [answer] : []);
    if (answer?.count !== 30 || answer.sum !== 435) result.faults.push('messages missing');
    return result;
  };
  const chat = (stub) => async () => {
    const call = stub.talk();
    const end = ended(call);
    const messages = [];
    let heard = () => {};
    call.on('data', (message) => heard(messages.push(message)));
    for (let n = 0; n < 30; n++, await sleep(20)) {
      const echo = new Promise((resolve) => (heard = resolve));
      call.write({ n });
      // Each is answered before the next is sent.
      await Promise.race([echo, end]);
    }
    call.end();
    const result = judge(await end, messages);
    if (messages.length !== 30 || messages.some(({ n }, at) => n !== at)) result.faults.push('messages missing');
    return result;
  };

  // Three connections with calls of all kinds, and one that is made anew for each call.
  const kinds = { once, fail, listen, tell, chat };
  const running = [];
  for (let connection = 0; connection < 3; connection++) {
    const stub = client();
    for (const [kind, calls] of Object.entries(kinds)) {
      running.push(again(kind, calls(stub)), again(kind, calls(stub)));
    }
  }
  const anew = async (n) => {
    const stub = client();
    const result = await once(stub)(n);
    stub.close();
    await sleep(5);
    return result;
  };
  running.push(again('anew', anew));

  while (Object.keys(seen.calls).length < 6) await sleep(20);
  say('open');
  for await (const line of lines) {
    stopped ||= line === 'stop';
    if (stopped) await Promise.all(running);
    say(seen);
  }
}

// ------------------------------------------------------------------------------------------------------ talk

async function talk() {
  const bare = { goaway: null, error: null, closed: false };
  const session = connect(`http://${address}`);
  session.on('goaway', (code) => (bare.goaway = code));
  session.on('error', (error) => (bare.error = error.message));
  session.on('close', () => (bare.closed = true));
  await new Promise((resolve) => session.once('remoteSettings', resolve));

  const stub = client();
  const stream = stub.talk();
  const end = ended(stream);
  let n = 0;
  let heard;
  stream.on('data', (message) => heard(message));
  async function echo() {
    const message = new Promise((resolve) => (heard = resolve));
    stream.write({ n: ++n });
    return Promise.race([message, end]);
  }
  await echo();
  say('open');
  for await (const line of lines) {
    if (line === 'say') {
      const { n: echoed, ...rest } = await echo();
      say({ ...rest, right: echoed === n });
    } else if (line === 'end') {
      stream.end();
      say(await end);
    } else if (line === 'once') {
      say(await ended(stub.once({ text: 'x' }, () => {})));
    } else {
      while (!bare.closed) await sleep(20);
      say(bare);
    }
  }
}
