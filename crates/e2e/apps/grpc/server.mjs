// A gRPC server as people write them: nothing in it knows of Gapless, and nothing handles its shutdown.

import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import { TRAILER, Work } from './work.mjs';

const pid = process.pid;
const trailer = () => {
  const metadata = new Metadata();
  metadata.set(TRAILER, String(pid));
  return metadata;
};

const server = new Server();
server.addService(Work, {
  once: ({ request }, done) => done(null, { pid, text: request.text }, trailer()),
  fail: ({ request }, done) => done({ ...request, metadata: trailer() }),
  async listen(call) {
    for (let n = 0; n < call.request.count; n++, await sleep(call.request.ms)) call.write({ pid, n });
    call.end(trailer());
  },
  tell(call, done) {
    let count = 0;
    let sum = 0;
    call.on('data', ({ n }) => {
      count += 1;
      sum += n;
    });
    call.on('end', () => done(null, { pid, count, sum }, trailer()));
  },
  talk(call) {
    call.on('data', ({ n }) => call.write({ pid, n }));
    call.on('end', () => call.end(trailer()));
  },
});
server.bindAsync('0.0.0.0:50051', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening on port ${port}`);
});
