'use strict';
const https = require('node:https');
const server = https.createServer();
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log(JSON.stringify(server.address())));
