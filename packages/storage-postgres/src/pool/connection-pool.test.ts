import type { LogFields, Logger } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { beforeEach, expect, test } from 'vitest';
import type { Connection } from '../connection/connection.ts';
import { ConnectError } from '../errors/connect-error.ts';
import type { PoolSettings } from '../settings/pool-settings.ts';
import { ConnectionPool } from './connection-pool.ts';

/** A connection that has only a name and the members that the pool uses. */
class FakeConnection {
  readonly host: string;
  readonly openedAt: bigint;
  idleSince: bigint;
  lost: Error | undefined;
  retired = false;
  closed = false;
  onLost: () => void = () => {};
  readonly #goodbye = Promise.withResolvers<void>();

  constructor(host: string, now: bigint) {
    this.host = host;
    this.openedAt = now;
    this.idleSince = now;
  }

  holdProcess(): void {}

  close(): Promise<void> {
    this.closed = true;
    return this.#goodbye.promise;
  }

  /** The server has freed its place. */
  release(): void {
    this.#goodbye.resolve();
  }

  lose(): void {
    this.lost = new Error('reset');
    this.onLost();
  }
}

/** An attempt to open a connection. The test decides how it ends. */
interface Attempt {
  readonly signal: AbortSignal;
  succeed(): Promise<FakeConnection>;
  fail(error: Error): Promise<void>;
}

const FULL = new ConnectError('sorry, too many clients already', '53300');
/** Waits until settled promises have taken effect. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

let clock: ManualClock;
let logged: string[];
let attempts: Attempt[];
let maxConns: number;
/** The number of requests in a line of the log. */
let requests: unknown[];

beforeEach(() => {
  clock = new ManualClock();
  logged = [];
  attempts = [];
  maxConns = 3;
  requests = [];
});

function makePool(settings: PoolSettings = {}): ConnectionPool {
  const log = (message: string, fields?: LogFields) => {
    logged.push(`${message}: ${fields?.['reason'] ?? ''}`);
    if (fields?.['requests'] !== undefined) requests.push(fields['requests']);
  };
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const open = (signal: AbortSignal) =>
    new Promise<Connection>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('given up')));
      attempts.push({
        signal,
        succeed: async () => {
          const connection = new FakeConnection(`c${attempts.length}`, clock.now());
          resolve(connection as unknown as Connection);
          await settled();
          return connection;
        },
        fail: async (error) => {
          reject(error);
          await settled();
        },
      });
    });
  return new ConnectionPool({ clock, logger, target: 'db', settings, maxConns: () => maxConns, open });
}

/** Requests a connection, and records the result. */
function ask(pool: ConnectionPool, limitMs = 3_000) {
  const asked = { got: undefined as Connection | undefined, error: undefined as Error | undefined };
  pool.acquire(limitMs).then(
    (connection) => {
      asked.got = connection;
    },
    (error: Error) => {
      asked.error = error;
    },
  );
  return asked;
}

test('serves requests in order of arrival, and opens no more connections than the limit', async () => {
  const pool = makePool();
  const asked = Array.from({ length: 5 }, () => ask(pool));
  expect(attempts).toHaveLength(3);
  for (const attempt of attempts.slice(0, 3)) await attempt.succeed();
  expect(asked.map(({ got }) => got !== undefined)).toEqual([true, true, true, false, false]);
  pool.release(asked[1]?.got as Connection, false);
  await settled();
  expect(asked[3]?.got).toBe(asked[1]?.got);
  expect(attempts).toHaveLength(3);
});

test('a failed attempt to open rejects one waiting request, and the others get their own attempt', async () => {
  maxConns = 1;
  const pool = makePool();
  const asked = Array.from({ length: 3 }, () => ask(pool));
  await attempts[0]?.fail(new Error('refused'));
  expect(asked[0]?.error?.message).toBe('refused');
  await attempts[1]?.succeed();
  expect(asked[1]?.got).toBeDefined();
  pool.release(asked[1]?.got as Connection, false);
  await settled();
  expect(asked[2]?.got).toBeDefined();
});

test('while the database is full, the pool tries one connection a second, and the open ones serve other requests', async () => {
  maxConns = 10;
  const pool = makePool();
  const first = ask(pool);
  await attempts[0]?.succeed();
  const asked = Array.from({ length: 8 }, () => ask(pool, 60_000));
  expect(attempts).toHaveLength(9);
  for (const attempt of attempts.slice(1)) await attempt.fail(FULL);
  for (let second = 1; second <= 3; second++) {
    await clock.advance('1s');
    expect(attempts).toHaveLength(9 + second);
    await attempts.at(-1)?.fail(FULL);
  }
  expect(asked.every(({ got, error }) => got === undefined && error === undefined)).toBe(true);
  pool.release(first.got as Connection, false);
  await settled();
  expect(asked[0]?.got).toBe(first.got);
  // There is room again, so the needed connections are opened at once.
  await clock.advance('1s');
  await attempts.at(-1)?.succeed();
  expect(asked[1]?.got).toBeDefined();
  expect(pool.state).toMatchObject({ waiting: 6 });
  expect(attempts.length).toBeGreaterThanOrEqual(13 + 6);
});

test('a closed connection counts until the server has released it', async () => {
  maxConns = 1;
  const pool = makePool();
  const first = ask(pool);
  const connection = await attempts[0]?.succeed();
  pool.release(first.got as Connection, true);
  const second = ask(pool);
  expect(connection?.closed).toBe(true);
  expect(pool.state.open).toBe(1);
  expect(attempts).toHaveLength(1);
  connection?.release();
  await settled();
  expect(attempts).toHaveLength(2);
  await attempts[1]?.succeed();
  expect(second.got).toBeDefined();
});

test('an idle connection that was lost is never lent out', async () => {
  const pool = makePool();
  const first = ask(pool);
  const connection = await attempts[0]?.succeed();
  pool.release(first.got as Connection, false);
  connection?.lose();
  expect(logged).toEqual(['idle connection to PostgreSQL was lost: reset']);
  const second = ask(pool);
  await attempts[1]?.succeed();
  expect(second.got).toBeDefined();
  expect(second.got).not.toBe(first.got);
});

test('a request that waits too long learns whether all connections were busy; a connection that opens later is kept', async () => {
  const pool = makePool();
  const slow = ask(pool, 1_000);
  await clock.advance('1s');
  expect(slow.error?.message).toBe('no connection within 1000 ms');
  const connection = await attempts[0]?.succeed();
  expect(pool.state).toMatchObject({ idle: 1, waiting: 0, timedOut: 1 });
  const next = ask(pool);
  await settled();
  expect(next.got).toBe(connection);
  maxConns = 1;
  const busy = ask(pool, 1_000);
  await clock.advance('1s');
  expect(busy.error?.message).toBe('failed to acquire connection: all connections in pool are busy');
});

test('the log reports busy connections once a second, with the number of failed requests', async () => {
  maxConns = 1;
  const pool = makePool();
  ask(pool);
  await attempts[0]?.succeed();
  for (let n = 0; n < 100; n++) ask(pool, 1_000);
  await clock.advance('1s');
  for (let n = 0; n < 50; n++) ask(pool, 500);
  await clock.advance('5s');
  expect(pool.state.timedOut).toBe(150);
  const line = 'failed to acquire connection: all connections in pool are busy: ';
  expect(logged).toEqual([line, line]);
  expect(requests).toEqual([1, 149]);
});

test('close rejects waiting requests, gives up connections that are being opened, and waits for those in use', async () => {
  const pool = makePool();
  const used = ask(pool);
  const connection = await attempts[0]?.succeed();
  const waiting = ask(pool);
  let closed = false;
  const closing = pool.close().then(() => {
    closed = true;
  });
  await settled();
  expect(waiting.error?.message).toBe('the connection pool is closed');
  expect(attempts[1]?.signal.aborted).toBe(true);
  expect(closed).toBe(false);
  pool.release(used.got as Connection, false);
  connection?.release();
  await closing;
  expect(pool.state).toMatchObject({ open: 0, idle: 0, waiting: 0 });
  await expect(pool.acquire(1)).rejects.toThrow('is closed');
  expect(logged).toEqual([]);
});

test('a connection that opens while the pool closes is closed too', async () => {
  const pool = makePool();
  ask(pool);
  const [attempt] = attempts;
  const closing = pool.close();
  // It was open before the attempt could be aborted.
  await attempt?.succeed();
  await closing;
  expect(pool.state.open).toBe(0);
});

test('old connections and long idle ones are closed, down to the configured minimum', async () => {
  const pool = makePool({ minConns: 1, maxConnIdleTimeMs: 10_000, maxConnLifetimeMs: 3_600_000 });
  const asked = Array.from({ length: 3 }, () => ask(pool));
  const connections = await Promise.all(attempts.map((attempt) => attempt.succeed()));
  for (const { got } of asked) pool.release(got as Connection, false);
  await clock.advance('21s');
  expect(connections.filter(({ closed }) => closed)).toHaveLength(2);
  for (const connection of connections) connection.release();
  await settled();
  expect(pool.state).toMatchObject({ open: 1, idle: 1 });
  await clock.advance('2h');
  expect(connections.every(({ closed }) => closed)).toBe(true);
});

test('when the limit is lowered, surplus connections are closed once they are free', async () => {
  const pool = makePool();
  const asked = Array.from({ length: 3 }, () => ask(pool));
  const connections = await Promise.all(attempts.map((attempt) => attempt.succeed()));
  maxConns = 1;
  pool.resized();
  for (const { got } of asked) {
    pool.release(got as Connection, false);
    for (const connection of connections) if (connection.closed) connection.release();
    await settled();
  }
  expect(pool.state).toMatchObject({ open: 1, idle: 1 });
});
