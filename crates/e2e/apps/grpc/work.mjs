// The service that server and clients share: messages are JSON, so that there is nothing to generate.

const serialize = (message) => Buffer.from(JSON.stringify(message));
const deserialize = (bytes) => JSON.parse(bytes.toString());

const method = (name, requestStream, responseStream) => ({
  path: `/work.Work/${name}`,
  requestStream,
  responseStream,
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
});

export const Work = {
  once: method('Once', false, false), // { text } → { pid, text }
  fail: method('Fail', false, false), // { code, details } → that status
  listen: method('Listen', false, true), // { count, ms } → { pid, n } for each n, one every `ms`
  tell: method('Tell', true, false), // { n } … → { pid, count, sum }
  talk: method('Talk', true, true), // { n } … → { pid, n } …, each at once
};

/** The metadata behind each answer names this, so that one without its trailers is not taken for whole. */
export const TRAILER = 'x-served-by';
