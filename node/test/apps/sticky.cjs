// A parent that accepts, and hands each connection to a child whose HTTP server listens nowhere.
'use strict';
const { fork } = require('node:child_process');
const http = require('node:http');
const net = require('node:net');

if (process.argv[2] === 'child') {
  const server = http.createServer((req, res) => {
    res.end(JSON.stringify({ remoteAddress: req.socket.remoteAddress, headers: req.headers }));
  });
  process.on('message', (_, socket) => {
    server.emit('connection', socket);
    socket.resume();
  });
} else {
  const child = fork(__filename, ['child']);
  net.createServer({ pauseOnConnect: true }, (socket) => child.send('connection', socket)).listen(3000);
  process.on('SIGTERM', () => (child.kill(), process.exit()));
}
