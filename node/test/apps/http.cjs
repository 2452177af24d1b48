// Listens as LISTEN says (the arguments, as JSON), and answers what it sees. More servers by SECOND.
'use strict';
const http = require('node:http');

const seen = (req) => ({
  remoteAddress: req.socket.remoteAddress,
  remotePort: req.socket.remotePort,
  remoteFamily: req.socket.remoteFamily,
  localAddress: req.socket.localAddress,
  localPort: req.socket.localPort,
  headers: req.headers,
  rawHeaders: req.rawHeaders,
  distinct: req.headersDistinct,
  address: server.address(),
  pid: process.pid,
});

const server = http.createServer((req, res) => {
  if (req.url === '/close') {
    res.end();
    return server.close(() => say({ closed: server.address() }));
  }
  if (req.url === '/reset') return req.socket.resetAndDestroy();
  res.end(JSON.stringify({ event: 'request', ...seen(req) }));
});
if (process.env.UPGRADES) {
  server.on('upgrade', (req, socket) => {
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n${JSON.stringify(seen(req))}`);
  });
  server.on('checkContinue', (req, res) => {
    res.writeContinue();
    req.resume().on('end', () => res.end(JSON.stringify({ event: 'checkContinue', ...seen(req) })));
  });
}
server.on('connection', (socket) => say({ connection: socket.remoteAddress, named: socket.address() }));
server.on('error', (e) => say({ error: e.code, message: e.message, address: e.address, port: e.port }));
server.listen(...JSON.parse(process.env.LISTEN), () => say({ listening: server.address() }));

for (const args of JSON.parse(process.env.SECOND || '[]')) {
  const second = http.createServer((_req, res) => res.end('second'));
  second.on('error', (e) => say({ second: e.code, message: e.message, address: e.address, port: e.port }));
  second.listen(...args, () => say({ second: second.address() }));
}

function say(what) {
  console.log(JSON.stringify(what));
}
