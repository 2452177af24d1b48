'use strict';
const http2 = require('node:http2');
http2
  .createServer((req, res) => {
    res.end(JSON.stringify({ remoteAddress: req.socket.remoteAddress, headers: req.headers, raw: req.rawHeaders }));
  })
  .listen(3000);
