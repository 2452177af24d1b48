const { createHash } = require('node:crypto');
const { setTimeout: sleep } = require('node:timers/promises');

const app = require('fastify')({ logger: { level: process.env.LOG_LEVEL || 'info' } });

// Bodies of any type, as streams.
app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));

app.get('/', async (request) => ({
  app: 'fastify',
  version: process.env.VERSION || 'v1',
  pid: process.pid,
  client: request.ip,
  address: app.server.address(),
}));

app.get('/slow', async (request) => {
  await sleep(Number(request.query.ms || 1000));
  return { pid: process.pid };
});

app.post('/echo', async (request) => {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of request.body) {
    hash.update(chunk);
    length += chunk.length;
  }
  return { length, sha256: hash.digest('hex') };
});

app.get('/ready', async () => 'ok');
app.get('/live', async () => 'ok');

app.listen({ port: 3002, host: '0.0.0.0' }).catch((error) => {
  app.log.error(error);
  process.exit(1);
});
