import { codecs } from '@querator/protocol';
import type { Check } from './check.ts';

/** A request that fails a check, as far as it differs from a correct one. */
export interface BrokenRequest {
  /** Default: true. */
  readonly onLoopback?: boolean;
  readonly host?: string;
  readonly origin?: string;
  readonly fetchSite?: string;
  readonly method?: string;
  readonly path?: string;
  readonly authorization?: string;
  readonly accept?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly transferEncoding?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** A check that does not depend on the call. */
export interface TransportCheck extends Omit<Check, 'broken'> {
  readonly request: BrokenRequest;
}

/** The largest body of most calls, in bytes. */
const BODY_LIMIT = 256_000;
/** Bytes of one text. */
const TEXT_LIMIT = 16_000_000;
/** A second after the year 9999. */
const TOO_LATE = { seconds: 253_402_300_800, nanos: 0 };

/** The checks of headers and size, in their order. */
export const HEADER_CHECKS: readonly TransportCheck[] = [
  {
    when: '`Host` is sent twice, or is no host with or without a port',
    text: "Host header '<value>' is invalid; expected one host, with or without a port",
    request: { host: 'localhost, localhost' },
  },
  {
    when: 'the listener has a loopback address, and `Host` names neither this machine nor a host of `allowed-hosts` ([security](../security.md#browsers-and-names))',
    text: "access denied; Host header '<value>' is no name of this machine and not in 'allowed-hosts'",
    code: 'forbidden',
    request: { host: 'evil.example' },
  },
  {
    when: 'the listener has another address, `allowed-hosts` is set, and does not have the `Host`',
    text: "access denied; Host header '<value>' is not in 'allowed-hosts'",
    code: 'forbidden',
    request: { host: 'localhost', onLoopback: false },
  },
  {
    when: '`Sec-Fetch-Site` is neither absent, `same-origin` nor `none`, and `cors-origins` does not have the `Origin`',
    text: "access denied; Sec-Fetch-Site header '<value>' names another site, whose origin is not in 'cors-origins'",
    code: 'forbidden',
    request: { origin: 'http://evil.example', fetchSite: 'cross-site' },
  },
  {
    when: '`Sec-Fetch-Site` is absent, and `Origin` is neither absent, nor of the host and port of `Host`, nor in `cors-origins`',
    text: "access denied; Origin header '<value>' is not this server's and not in 'cors-origins'",
    code: 'forbidden',
    request: { origin: 'null' },
  },
  {
    when: 'the method is not `POST`',
    text: "http method '<method>' not allowed; only POST",
    request: { method: 'PUT' },
  },
  {
    when: '`Authorization` is neither absent, empty nor `Bearer <token>`',
    text: 'invalid authorization header format',
    code: 'unauthenticated',
    request: { authorization: 'bearer x' },
  },
  {
    when: 'no call has this path',
    text: 'no such method; <path>',
    code: 'unknown_method',
    request: { path: '/v1/queue.pause' },
  },
  {
    when: '`Accept` is not supported ([reply encoding](#reply-encoding))',
    text: "Accept header '<type>' is invalid format or unrecognized content type, only [application/json,application/protobuf] are supported by this method",
    code: 'content',
    request: { accept: 'text/html, application/json' },
  },
  {
    when: '`Content-Encoding` is neither absent, empty nor `identity`',
    text: "Content-Encoding header '<value>' is not supported; only identity is",
    code: 'content',
    request: { contentEncoding: 'gzip' },
  },
  {
    when: '`Transfer-Encoding` is neither absent nor `chunked`',
    text: "Transfer-Encoding header '<value>' is not supported; only chunked is",
    code: 'content',
    request: { transferEncoding: 'gzip, chunked' },
  },
  {
    when: 'the body exceeds the limit of the call',
    text: 'request body exceeds <limit> limit',
    reason: 'too_large',
    request: { body: ' '.repeat(BODY_LIMIT + 1) },
  },
  {
    when: '`Content-Type` is not supported ([request encoding](#request-encoding))',
    text: "Content-Type header '<value>' is invalid format or unrecognized content type",
    code: 'content',
    request: { contentType: 'application/x-www-form-urlencoded' },
  },
];

/** The checks of a body. Only the first faulty place of a body counts. */
export const BODY_CHECKS: readonly TransportCheck[] = [
  {
    when: 'JSON: empty',
    text: 'proto: syntax error (line 1:1): unexpected token ',
    code: 'content',
    request: { body: '' },
  },
  {
    when: 'JSON: a syntax error, or data after the message',
    text: 'proto: syntax error (line <line>:<column>): unexpected token <token>',
    code: 'content',
    request: { body: '{"queue_name": "orders"} x' },
  },
  {
    when: 'JSON: a value of another type',
    text: 'proto: (line <line>:<column>): invalid value for <type> field <field>: <value>',
    code: 'content',
    request: { body: '{"queue_name": 1}' },
  },
  {
    when: 'JSON: an unknown field',
    text: 'proto: (line <line>:<column>): unknown field "<name>"',
    code: 'content',
    request: { body: '{"name": "orders"}' },
  },
  {
    when: 'JSON: a field twice, in either spelling',
    text: 'proto: (line <line>:<column>): duplicate field "<name>"',
    code: 'content',
    request: { body: '{"queue_name": "a", "queueName": "b"}' },
  },
  {
    when: 'protobuf: cannot be parsed',
    text: 'proto: cannot parse invalid wire-format data',
    code: 'content',
    request: { contentType: 'application/protobuf', body: 'xxx' },
  },
  {
    when: 'a text that is not UTF-8',
    text: '<field> is invalid; must be valid UTF-8',
    request: { body: new Uint8Array([...new TextEncoder().encode('{"queue_name": "'), 0xff, 0x22, 0x7d]) },
  },
  {
    when: 'protobuf: a timestamp outside the years 1 to 9999',
    text: '<field> is invalid; must be from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z',
    request: {
      path: '/v1/queue.produce',
      contentType: 'application/protobuf',
      body: new Uint8Array(
        codecs.QueueProduceRequest.encode(
          codecs.QueueProduceRequest.create({ items: [{ enqueueAt: TOO_LATE }] }),
        ),
      ),
    },
  },
  {
    when: 'a text of more than 16,000,000 bytes',
    text: "<field> is invalid; cannot be greater than '16000000' characters",
    reason: 'too_large',
    request: {
      path: '/v1/storage/items.import',
      body: JSON.stringify({ items: [{ reference: ' '.repeat(TEXT_LIMIT + 1) }] }),
    },
  },
];
