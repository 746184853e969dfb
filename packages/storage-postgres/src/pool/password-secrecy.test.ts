import { inspect } from 'node:util';
import type { Logger } from '@querator/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toPostgresError } from '../errors/postgres-error.ts';
import { parsePostgresConfig } from '../settings/config.ts';
import { parseConnectionString } from '../settings/connection-string.ts';
import { DEFAULT_TIME_LIMITS } from '../settings/time-limits.ts';
import { PoolRegistry } from './pool-registry.ts';

/** The secret. Some of the passwords around it make the string malformed. */
const MARKER = 'hunter2secret';

/** Mostly characters with a meaning in a URI. */
const PUNCTUATION = fc.constantFrom(...'@@:://??&&&&===#%,[]1 \\"a€');
const noise = fc.array(PUNCTUATION, { maxLength: 3 }).map((characters) => characters.join(''));
/** Passwords as users write them, mostly not encoded. */
const password = fc.oneof(
  fc.tuple(noise, noise).map(([before, after]) => `${before}${MARKER}${after}`),
  fc.tuple(noise, noise).map(([before, after]) => encodeURIComponent(`${before}${MARKER}${after}`)),
);
const host = fc.constantFrom('127.0.0.1:1', '[::1]:1', '127.0.0.1:1,[::1]:1', '127.0.0.1:x', '[::1:1', '');
const query = fc.constantFrom(
  ...['', '?sslmode=disable', '?sslmode=verify-full', '?sslmode=on', '?nonsense=1', '?nonsense'],
  ...[
    '?sslmode=require&sslrootcert=/nowhere',
    '?target_session_attrs=primary',
    '?pool_max_conns=x',
    '?%zz=1',
  ],
);
const connectionString = fc.oneof(
  fc
    .tuple(fc.constantFrom('user', 'us%40er', ''), password, host, query)
    .map(([user, secret, where, rest]) => `postgres://${user}:${secret}@${where}/db${rest}`),
  fc
    .tuple(host, password, query)
    .map(([where, secret, rest]) => `postgres://u@${where}/db?password=${secret}&${rest.slice(1)}`),
);

function messageOf(attempt: () => unknown): string {
  try {
    attempt();
    return '';
  } catch (error) {
    return inspect(error, { depth: 10, showHidden: true });
  }
}

function resultOf<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}

describe('a password', () => {
  test('is in no error about an invalid connection string', () => {
    fc.assert(
      fc.property(connectionString, (text) => {
        expect(messageOf(() => parseConnectionString(text))).not.toContain(MARKER);
        expect(messageOf(() => parsePostgresConfig({ 'connection-string': text }))).not.toContain(MARKER);
        // Host, database and the rest may appear in errors and the log. No part of a
        // password may be read as one of them.
        const understood = resultOf(() => parseConnectionString(text));
        expect(inspect({ ...understood, password: '' }, { depth: 10 })).not.toContain(MARKER);
      }),
      { numRuns: 5_000 },
    );
  });

  test('is in no error, log line or metric when no server can be reached', async () => {
    const limits = { ...DEFAULT_TIME_LIMITS, acquireMs: 1_000 };
    const valid = connectionString.filter((text) => messageOf(() => parseConnectionString(text)) === '');
    await fc.assert(
      fc.asyncProperty(valid, async (text) => {
        const seen: unknown[] = [];
        const keep = (...line: readonly unknown[]) => void seen.push(line);
        const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };
        // A mistake may leave a valid string with another host. That host must not get a connection.
        if (!onlyHere(text)) return;
        const registry = new PoolRegistry({ logger });
        const share = registry.share(text, { limits });
        const error = await share.pool.acquire(limits.acquireMs).catch((reason: unknown) => reason);
        seen.push(error, toPostgresError(error, 'postgres-01', 'connect'), registry.states());
        await share.release();
        expect(inspect(seen, { depth: 12, showHidden: true })).not.toContain(MARKER);
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});

/** Whether all its hosts are closed ports of this machine. */
function onlyHere(text: string): boolean {
  return parseConnectionString(text).hosts.every(
    ({ host: name, port }) => (name === '127.0.0.1' || name === '::1') && port === 1,
  );
}
