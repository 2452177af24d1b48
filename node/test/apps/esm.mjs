import { createServer } from 'node:http';
createServer((req, res) => res.end(JSON.stringify({ remoteAddress: req.socket.remoteAddress }))).listen(3000);
