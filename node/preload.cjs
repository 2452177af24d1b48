'use strict';
// Adopts a Node app's own `listen(port)`.
//
// Loaded before the app by NODE_OPTIONS=--require into every Node process of an instance: the server, but also
// npm, build tools, cluster primaries and workers, worker threads. A listen on the app's port becomes a listen
// on the Unix socket that is private to the instance, so that several instances of an app with a hard-coded
// port run side by side, and a request or a probe reaches the one that it is meant for.
//
// What the app sees stays what it would see without us:
//   - `server.address()` answers host and port as the app asked for them;
//   - `socket.remoteAddress`, hence `req.ip`, is the true client, told per request by the header
//     `x-gapless-client`, which only the proxy can send on that socket and which the app never sees;
//   - a port in use is EADDRINUSE for that port; every other port, pipe and descriptor is left alone.
//
// Left alone too: servers that speak TLS (the proxy ends TLS and speaks plain HTTP to instances), and port 0.
//
// Rules of this file: one file, since it is embedded in the binary and written to disk as one; CommonJS and no
// dependency, Node 18 and later; only documented properties where there are any; an error of ours never
// reaches the app (we warn in one line and do what Node would have done); nothing is loaded or opened before
// the app's port is asked for, as most processes that load this never do.

/** Set by the supervisor: where to listen instead. */
const SOCKET = process.env.GAPLESS_SOCKET;

/** The port whose listen is adopted: what the config declares, else the one that the app is told to use. */
const PORT = Number(process.env.GAPLESS_PORT || process.env.PORT);

/** Set by the proxy on every request over a Unix socket: `IP:PORT`, an IPv6 address in brackets. */
const CLIENT_HEADER = 'x-gapless-client';

/** The longest path that fits into `sun_path` with its end (unix(7)); libuv cut longer ones off silently. */
const LONGEST_PATH = 107;

/** Marks a prototype that already is as we want it, should this file be loaded from two places. */
const INSTALLED = Symbol.for('gapless.preload');

/** On a socket that came in by `SOCKET`: who is at the other end, as far as we know. */
const PEER = Symbol('gapless.peer');

/**
 * Servers whose listen we adopted, with what the app asked for:
 * `{ port, host, args, bound }`; `host` as given (undefined: any address), `args` the app's own arguments,
 * `bound` once it listens.
 */
const adoptions = new WeakMap();

/** Those of them that listen, or are about to. */
const open = new Set();

if (SOCKET && Number.isInteger(PORT) && PORT > 0 && PORT < 65536) install();

function install() {
  const net = require('net');
  const { EventEmitter } = require('events');
  const proto = net.Server.prototype;
  if (proto[INSTALLED]) return;
  Object.defineProperty(proto, INSTALLED, { value: true });

  // The prototype of all servers (http, http2 and tls inherit from it), so that it does not matter how the app
  // gets hold of the class: require, import, or a bundler's copy of either.
  const listen = proto.listen;
  const address = proto.address;

  replace(proto, 'listen', function (...args) {
    let ours;
    try {
      ours = adopt(this, args);
    } catch (error) {
      forget(this);
      warn(`cannot take over port ${PORT}: ${error.message}`);
    }
    return listen.apply(this, ours || args);
  });

  replace(proto, 'address', function () {
    const asked = adoptions.get(this);
    if (asked === undefined) return address.call(this);
    return this.listening ? addressAsAsked(asked) : null;
  });

  // Not a listener on the server: Node asks `listenerCount('upgrade')` and the like to decide what to do with a
  // request. And not a copy of EventEmitter's emit: `domain` and tracers replace that one later.
  replace(proto, 'emit', function (event, first, second, _flags, fourth) {
    try {
      switch (event) {
        case 'request':
        case 'upgrade':
        case 'connect':
        case 'checkContinue':
        case 'checkExpectation':
        case 'dropRequest':
          introduce(this, first);
          break;
        case 'stream': // HTTP/2: (stream, headers, flags, rawHeaders)
          introduceStream(first, second, fourth);
          break;
        case 'connection':
          if (adoptions.has(this)) disguise(first, adoptions.get(this));
          break;
        case 'listening':
          if (adoptions.has(this)) adoptions.get(this).bound = true;
          break;
        case 'close':
          open.delete(adoptions.get(this));
          break;
        case 'error':
          if (adoptions.has(this) && failOpen(this, first, listen)) return true;
          break;
      }
    } catch (error) {
      warn(`on '${String(event)}': ${error.message}`);
    }
    return EventEmitter.prototype.emit.apply(this, arguments);
  });
}

// ---------------------------------------------------------------------------------------------------- listen

/**
 * The arguments for the true `listen` when the app's port is asked for; undefined to use the app's own.
 * Reads the arguments as Node does: (port, host, backlog, callback), any of the middle ones left out, or
 * (options, callback), a port being a number or a numeric string.
 */
function adopt(server, args) {
  // Second listen without a close between: Node throws, and what we know of the first stays true.
  if (server.listening) return undefined;
  forget(server);

  const options = typeof args[0] === 'object' && args[0] !== null ? args[0] : { port: args[0] };
  if (!isAppPort(options.port) || isOpenAlready(options)) return undefined;
  if (typeof server.setSecureContext === 'function') {
    warn(`the server on port ${PORT} speaks TLS and is left alone: let the route end TLS and serve plain HTTP`);
    return undefined;
  }
  if (Buffer.byteLength(SOCKET) > LONGEST_PATH) {
    warn(`cannot take over port ${PORT}: ${SOCKET} is longer than ${LONGEST_PATH} bytes`);
    return undefined;
  }

  const host = (options === args[0] ? options.host : typeof args[1] === 'string' && args[1]) || undefined;
  const callback = typeof args[args.length - 1] === 'function' ? args[args.length - 1] : undefined;
  const asked = { port: PORT, host, args: callback ? args.slice(0, -1) : args, bound: false };

  // The same port on another address of this machine is no conflict for TCP (127.0.0.1 beside ::1, as some
  // frameworks do for "localhost"), yet there is one socket only. The first has it. The others get a free
  // loopback port: nobody comes there, and the app is content.
  const beside = [...open].some((other) => isBeside(asked, other));
  adoptions.set(server, asked);
  open.add(asked);
  if (beside) return withCallback({ host: '127.0.0.1', port: 0, signal: options.signal }, callback);

  removeStale();
  const backlog = options.backlog || numberOf(args[1]) || numberOf(args[2]) || 0;
  const where = {
    path: SOCKET,
    // A full backlog makes a TCP client wait, but refuses a client of a Unix socket at once: not below Node's
    // own default, whatever the app asked for.
    backlog: Math.max(backlog, 511),
    signal: options.signal,
    // `reusePort` makes cluster workers bind one by one, which a path does not allow: they share.
    exclusive: options.exclusive && !options.reusePort,
  };
  return withCallback(where, callback);
}

function forget(server) {
  open.delete(adoptions.get(server));
  adoptions.delete(server);
}

function isAppPort(port) {
  const numeric = typeof port === 'number' || (typeof port === 'string' && port.trim() !== '');
  return numeric && Number(port) === PORT;
}

/** A handle, a server that has one, or a descriptor: these win over a port in the same object. */
function isOpenAlready(options) {
  return Boolean(options._handle || options.handle) || (typeof options.fd === 'number' && options.fd >= 0);
}

/** Whether both could be bound at once with TCP: two definite addresses that differ. */
function isBeside(one, other) {
  const definite = (host) => host !== undefined && host !== '0.0.0.0' && host !== '::';
  const plain = (host) => (host === 'localhost' ? '127.0.0.1' : host);
  return definite(one.host) && definite(other.host) && plain(one.host) !== plain(other.host);
}

function numberOf(value) {
  return typeof value === 'function' || !(Number(value) >= 0) ? 0 : Number(value);
}

function withCallback(options, callback) {
  return callback ? [options, callback] : [options];
}

/**
 * Removes a socket file that a killed process left behind, so that whoever restarts the server within the
 * instance (nodemon, a shell loop, a cluster primary) finds the port free, as a TCP port would be.
 *
 * Only one that no process has bound, by the kernel's own list. Of two processes that come here at once, the
 * slower one might take the file that the faster one has just bound; hence it is moved aside first and looked
 * at again.
 */
function removeStale() {
  const fs = require('fs');
  const seen = fs.lstatSync(SOCKET, { throwIfNoEntry: false, bigint: true });
  if (seen === undefined || !seen.isSocket() || isBound(fs)) return;
  const aside = `${SOCKET}.${process.pid}`;
  try {
    fs.renameSync(SOCKET, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  const moved = fs.lstatSync(aside, { bigint: true });
  if (moved.ino === seen.ino && moved.mtimeNs === seen.mtimeNs) fs.unlinkSync(aside);
  else fs.renameSync(aside, SOCKET);
}

/**
 * Whether a process has `SOCKET` bound. Columns of /proc/net/unix: Num RefCount Protocol Flags Type St Inode
 * Path. St 01 is a socket that waits for connections or is about to; accepted ones (03) carry the path too.
 * The path is the one that was given to bind(2), and a cluster primary gives a relative one where that is
 * shorter: of such the last part has to do, for taking a live socket away is worse than leaving a dead one.
 */
function isBound(fs) {
  const file = SOCKET.slice(SOCKET.lastIndexOf('/') + 1);
  return fs.readFileSync('/proc/net/unix', 'utf8').split('\n').some((line) => {
    const [, , , , , state, , ...words] = line.split(' ').filter(Boolean);
    const path = words.join(' ');
    return state === '01' && (path === SOCKET || (!path.startsWith('/') && path.endsWith(file)));
  });
}

/**
 * A listen on our socket failed. The port in use: said in the app's own words, and the app's affair. Anything
 * else (a missing directory, no permission): our affair, so the app gets the port that it asked for.
 * Returns true when the app must not hear of the error.
 */
function failOpen(server, error, listen) {
  const asked = adoptions.get(server);
  if (asked.bound || !error || error.address !== SOCKET) return false;
  forget(server);
  if (error.code !== 'EADDRINUSE') {
    warn(`cannot listen on ${SOCKET} (${error.code}); listening on port ${PORT} instead`);
    listen.apply(server, asked.args);
    return true;
  }
  const { address } = addressAsAsked(asked);
  const inWords = (text) => String(text).replace(SOCKET, `${address}:${PORT}`);
  // The stack repeats the message, and V8 makes it when it is first read: read it before the message changes.
  const stack = error.stack;
  error.message = inWords(error.message);
  error.stack = inWords(stack);
  error.address = address;
  error.port = PORT;
  return false;
}

/** What `address()` would say had Node bound what the app asked for. */
function addressAsAsked({ host, port }) {
  const family = require('net').isIP(host || '');
  if (family) return { address: host, family: `IPv${family}`, port };
  // A name that one can bind is a name of this machine.
  if (host !== undefined) return { address: '127.0.0.1', family: 'IPv4', port };
  // Node binds every address, and IPv6's covers both where there is IPv6.
  const any6 = require('fs').existsSync('/proc/net/if_inet6');
  return any6 ? { address: '::', family: 'IPv6', port } : { address: '0.0.0.0', family: 'IPv4', port };
}

// -------------------------------------------------------------------------------------------------- requests

/** Sets the client of the request's connection from the header, and removes the header. */
function introduce(server, request) {
  if (!request || request.httpVersionMajor === 2) return; // its stream has been introduced already
  const peer = peerOf(server, request.socket);
  if (peer === undefined) return;
  become(peer, clientOf(takeFromRequest(request)));
}

/**
 * The same for HTTP/2, whose streams share a connection: what it carries is the client of the latest stream,
 * which is right for all who look when the request arrives, as `req.ip` does.
 */
function introduceStream(stream, headers, rawHeaders) {
  const peer = stream && stream.session && stream.session.socket && stream.session.socket[PEER];
  if (peer === undefined) return;
  const value = headers[CLIENT_HEADER];
  delete headers[CLIENT_HEADER];
  takeFromRaw(rawHeaders);
  become(peer, clientOf(value));
}

/** What we know of the other end; undefined for connections that did not come by our socket. */
function peerOf(server, socket) {
  if (!socket || socket[PEER] !== undefined) return socket ? socket[PEER] : undefined;
  // Accepted elsewhere and handed to a server that listens nowhere: from a parent process that spreads
  // connections over its children (sticky sessions). A Pipe there can only have come from our socket, as a
  // TCP port hands over TCP connections.
  const handle = socket._handle;
  if (server.listening || !handle || handle.constructor.name !== 'Pipe') return undefined;
  disguise(socket, { port: PORT, host: undefined });
  return socket[PEER];
}

/** Makes a connection look like TCP: on a Unix socket all these are undefined, and apps rely on them. */
function disguise(socket, asked) {
  if (socket[PEER] !== undefined || socket.remoteAddress !== undefined) return;
  const peer = {};
  become(peer, undefined);
  const local = addressAsAsked(asked);
  if (asked.host === undefined || local.address === '0.0.0.0' || local.address === '::') {
    local.address = '127.0.0.1';
    local.family = 'IPv4';
  }
  const read = (get) => ({ get, configurable: true });
  Object.defineProperties(socket, {
    [PEER]: { value: peer },
    remoteAddress: read(() => peer.address),
    remotePort: read(() => peer.port),
    remoteFamily: read(() => peer.family),
    localAddress: read(() => local.address),
    localPort: read(() => local.port),
    localFamily: read(() => local.family),
    address: { value: () => ({ ...local }), configurable: true, writable: true },
    // Throws for what is not TCP; what the app wants is to be rid of the connection.
    resetAndDestroy: { value: () => socket.destroy(), configurable: true, writable: true },
  });
}

/** Without a client the request is a local one: a probe of the supervisor, straight to the socket. */
function become(peer, client) {
  peer.address = client ? client.address : '127.0.0.1';
  peer.port = client ? client.port : 0;
  peer.family = client ? client.family : 'IPv4';
}

function clientOf(value) {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(value || '');
  if (parts === null) return undefined;
  const address = parts[1] || parts[2];
  const family = require('net').isIP(address);
  return family ? { address, port: Number(parts[3]), family: `IPv${family}` } : undefined;
}

/** Node's count of the header lines that `headers` and `headersDistinct` are made from when first read. */
let headersCount;

function takeFromRequest(request) {
  const { rawHeaders } = request;
  if (!Array.isArray(rawHeaders)) return undefined; // not Node's own request: an injected one, in a test
  if (headersCount === undefined) {
    headersCount = Object.getOwnPropertySymbols(request).find((s) => s.description === 'kHeadersCount') || null;
  }
  const before = rawHeaders.length;
  // Where a later Node counts otherwise, have both made before the lines that they are made from change.
  if (headersCount === null) void [request.headers, request.headersDistinct];
  const value = takeFromRaw(rawHeaders);
  if (value === undefined) return undefined;
  if (headersCount !== null) {
    request[headersCount] -= before - rawHeaders.length;
  } else if (request.headersDistinct) {
    delete request.headersDistinct[CLIENT_HEADER];
  }
  // Cheap for the property that was added last (V8 takes the addition back), hence the proxy sends it last;
  // any other would make the object slow for whoever reads it next.
  delete request.headers[CLIENT_HEADER];
  return value;
}

/** Removes the header from a list of names and values in turn; returns its value. */
function takeFromRaw(raw) {
  let value;
  for (let at = raw.length - 2; at >= 0; at -= 2) {
    if (raw[at].length !== CLIENT_HEADER.length || raw[at].toLowerCase() !== CLIENT_HEADER) continue;
    value = value === undefined ? raw[at + 1] : value;
    raw.splice(at, 2);
  }
  return value;
}

// ------------------------------------------------------------------------------------------------------ both

/** Replaces a method, leaving it as invisible as the one before it. */
function replace(proto, name, method) {
  Object.defineProperty(method, 'name', { value: name, configurable: true });
  const before = Object.getOwnPropertyDescriptor(proto, name);
  const enumerable = before ? before.enumerable : false;
  Object.defineProperty(proto, name, { value: method, writable: true, configurable: true, enumerable });
}

const warned = new Set();

/** One line on stderr, each once; written straight, as `process.stderr` may not be made yet. */
function warn(message) {
  if (warned.has(message)) return;
  warned.add(message);
  try {
    require('fs').writeSync(2, `gapless: ${message}\n`);
  } catch {
    // Nobody to tell.
  }
}
