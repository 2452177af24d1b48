// Node's own cluster: workers that die (GET /die) are forked again.
'use strict';
const cluster = require('node:cluster');
const http = require('node:http');

if (cluster.isPrimary) {
  const fork = () => cluster.fork();
  fork();
  fork();
  cluster.on('listening', (worker, at) => console.log(JSON.stringify({ worker: worker.id, port: at.port })));
  cluster.on('exit', fork);
} else {
  const server = http.createServer((req, res) => {
    if (req.url === '/die') process.kill(process.pid, 'SIGKILL');
    res.setHeader('connection', 'close');
    res.end(JSON.stringify({ pid: process.pid, remoteAddress: req.socket.remoteAddress, address: server.address() }));
  });
  server.on('error', (e) => {
    console.log(JSON.stringify({ worker: cluster.worker.id, error: e.code, port: e.port }));
    setInterval(() => {}, 1000);
  });
  server.listen({ port: process.env.GAPLESS_PORT, ...JSON.parse(process.env.OPTIONS || '{}') });
}
