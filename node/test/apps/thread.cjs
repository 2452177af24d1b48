// The server runs in a worker thread.
'use strict';
const { Worker } = require('node:worker_threads');
new Worker(require.resolve('./esm.mjs'));
