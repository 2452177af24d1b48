// Node's own cluster: a primary that serves nothing, and two workers that share one port.
const cluster = require('node:cluster');
const http = require('node:http');
const { createHash } = require('node:crypto');

if (cluster.isPrimary) {
  for (let n = 0; n < 2; n++) cluster.fork();
  cluster.on('exit', (worker, code, signal) => {
    if (worker.exitedAfterDisconnect) return;
    console.error(`worker ${worker.process.pid} ended (${signal || code}); starting another`);
    cluster.fork();
  });
} else {
  serve();
}

function serve() {
  const server = http.createServer((req, res) => {
    const url = new URL(req.url, 'http://localhost');
    if (req.method === 'POST' && url.pathname === '/echo') return echo(req, res);
    switch (url.pathname) {
      case '/':
        return json(res, {
          app: 'cluster',
          version: process.env.VERSION || 'v1',
          pid: process.pid,
          worker: cluster.worker.id,
          client: req.socket.remoteAddress,
          address: server.address(),
        });
      case '/slow':
        return void setTimeout(() => json(res, { pid: process.pid }), Number(url.searchParams.get('ms') || 1000));
      case '/ready':
      case '/live':
        return res.end('ok');
      default:
        res.statusCode = 404;
        return res.end('not found');
    }
  });
  server.listen(3005, () => console.log(`worker ${cluster.worker.id} listening on`, server.address()));
}

function echo(req, res) {
  const hash = createHash('sha256');
  let length = 0;
  req.on('data', (chunk) => {
    hash.update(chunk);
    length += chunk.length;
  });
  req.on('end', () => json(res, { length, sha256: hash.digest('hex') }));
}

function json(res, body) {
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify(body));
}
