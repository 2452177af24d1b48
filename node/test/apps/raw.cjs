// No HTTP: a line protocol on the app's port, beside an HTTP server that is fed by hand.
'use strict';
const http = require('node:http');
const net = require('node:net');
const web = http.createServer((req, res) => res.end(JSON.stringify({ remoteAddress: req.socket.remoteAddress })));
net.createServer((socket) => {
  socket.once('data', (chunk) => {
    if (chunk.toString().startsWith('GET')) {
      web.emit('connection', socket);
      socket.unshift(chunk);
    } else socket.end(JSON.stringify({ remoteAddress: socket.remoteAddress }));
  });
}).listen('3000');
