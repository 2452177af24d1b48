// Express, with a second server for metrics on a port of its own.
const http = require('node:http');
const { createHash } = require('node:crypto');
const express = require('express');

const app = express();
let requests = 0;
let metricsPort = null;

app.use((_req, _res, next) => {
  requests += 1;
  next();
});

app.get('/', (req, res) => {
  res.json({
    app: 'express',
    version: process.env.VERSION || 'v1',
    pid: process.pid,
    client: req.ip,
    address: server.address(),
    metricsPort,
  });
});

app.get('/slow', (req, res) => {
  setTimeout(() => res.json({ pid: process.pid }), Number(req.query.ms || 1000));
});

app.post('/echo', async (req, res) => {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of req) {
    hash.update(chunk);
    length += chunk.length;
  }
  res.json({ length, sha256: hash.digest('hex') });
});

app.get('/ready', (_req, res) => res.send('ok'));
app.get('/live', (_req, res) => res.send('ok'));

const server = app.listen(3001, () => console.log('listening on', server.address()));

const metrics = http.createServer((_req, res) => res.end(`requests_total ${requests}\n`));
metrics.on('error', (error) => console.error(`no metrics from this instance: ${error.message}`));
metrics.listen(Number(process.env.METRICS_PORT || 9464), '127.0.0.1', () => {
  metricsPort = metrics.address().port;
});
