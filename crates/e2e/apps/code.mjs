// An app whose version is in its code, not in its environment: `version.mjs` beside it says it. Copied into a
// directory of its own by the tests that deploy.
//
//   SETTING   a part of its config, named in the answer to `GET /`
//
// Every answer has the header x-version.

import { createServer } from 'node:http';
import { version } from './version.mjs';

const server = createServer((req, res) => {
  res.setHeader('x-version', version);
  const body = { version, setting: process.env.SETTING, words: process.argv.slice(2), cwd: process.cwd() };
  if (req.url === '/ready') return res.end('ok');
  setTimeout(() => res.end(JSON.stringify(body)), 10);
});
server.listen(3000);
