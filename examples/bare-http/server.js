// Node's own HTTP server on a port that is written into the code. No signal handler, no shutdown code.
const http = require('node:http');
const { createHash } = require('node:crypto');

const server = http.createServer((req, res) => {
  const url = new URL(req.url, 'http://localhost');
  if (req.method === 'POST' && url.pathname === '/echo') return echo(req, res);
  switch (url.pathname) {
    case '/':
      return json(res, {
        app: 'bare-http',
        version: process.env.VERSION || 'v1',
        pid: process.pid,
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

server.listen(3000, () => console.log('listening on', server.address()));
