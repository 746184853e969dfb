import { setImmediate } from 'node:timers/promises';
import { SystemRandom } from '@querator/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Database } from '../src/database/database.ts';
import { DEFAULT_TIME_LIMITS, PoolRegistry } from '../src/index.ts';
import type { BinaryRow } from '../src/wire/binary-row.ts';
import {
  AUTHENTICATED,
  BreakingServer,
  COMPLETE,
  description,
  error,
  message,
  READY,
  row,
} from './support/breaking-server.ts';

const WAIT_OPTIONS = { timeout: 10_000, interval: 10 };
const TWO_GIGABYTES = 2 ** 31 - 1;
const ONE = description(['n', 23]);
const all = (...parts: readonly Buffer[]) => Buffer.concat(parts);
const fields = (count: number, ...rest: readonly number[]) => {
  const bytes = Buffer.alloc(2 + 4 * rest.length);
  bytes.writeInt16BE(count);
  rest.forEach((value, n) => void bytes.writeInt32BE(value, 2 + 4 * n));
  return bytes;
};

/** Messages that no server may send in answer to any request. */
const NONSENSE: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['a message of a kind that there is not', message('!', Buffer.from('x'))],
  ['a message of a kind that nobody asked for', message('G', Buffer.alloc(3))],
  ['a message shorter than its length', message('N', Buffer.alloc(0), 3)],
  ['a message of no length', message('S', Buffer.alloc(0), 0)],
  ['an error of two gigabytes', message('E', Buffer.from('SERROR\0'), TWO_GIGABYTES)],
  ['a row of two gigabytes', message('D', Buffer.alloc(100), TWO_GIGABYTES)],
  ['a row of four gigabytes', message('D', Buffer.alloc(100), 2 ** 32 - 1)],
  ['random bytes', Buffer.from('5e1f00ff8807aa55deadbeef', 'hex')],
  ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
];

const ROWS: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['without a number of fields', message('D', Buffer.alloc(0))],
  ['with more fields than it has room for', message('D', fields(32_767))],
  ['with a field longer than the row', message('D', fields(1, 1_000))],
  ['with a field of a negative length', message('D', fields(1, -2))],
  ['with something behind its fields', message('D', fields(1, -1, 7))],
  ['with a negative number of fields', message('D', fields(-1))],
];

describe('a server that breaks the protocol', { timeout: 30_000 }, () => {
  let server: BreakingServer;
  let logged: string[];
  const cleanups: (() => unknown)[] = [];

  beforeEach(async () => {
    server = await BreakingServer.start();
    logged = [];
    cleanups.push(() => server.stop());
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  function open(query?: string) {
    const keep = (text: string, more?: unknown) => void logged.push(`${text} ${JSON.stringify(more)}`);
    const logger = { debug: keep, info: keep, warn: keep, error: keep };
    const registry = new PoolRegistry({ logger });
    const limits = { ...DEFAULT_TIME_LIMITS, statementMs: 10_000 };
    const share = registry.share(server.connectionString(query), { limits, maxConns: 2 });
    cleanups.push(() => share.release());
    const db = new Database({ name: 'db', share, limits, random: new SystemRandom(), logger });
    return { db, share };
  }

  /** Fails as storage does, with a short message, and works once the server does. */
  async function expectFailure(work: () => Promise<unknown>): Promise<Error> {
    const failure = await work().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(failure).toMatchObject({ name: 'StorageError' });
    const text = `${(failure as Error).message} ${logged.join()}`;
    expect(text).not.toContain('secret');
    expect(text.length).toBeLessThan(10_000);
    server.breaches = {};
    // An error outside of the promises would end the process, and fails the test.
    await setImmediate();
    return failure as Error;
  }

  const plain = (db: Database) => db.read({ text: 'SELECT 1 AS n' });
  /** Read like leases: prepared, and field by field. */
  const fast = (db: Database) =>
    db.read({ name: 'fast', text: 'SELECT 1', values: [null], read: (each: BinaryRow) => each.int4() });

  describe.each([
    ['tls', 'sslmode=require'],
    ['start', 'sslmode=disable'],
    ['state', 'sslmode=disable'],
  ] as const)('while a connection is opened: %s, %s', (stage, query) => {
    test.each(NONSENSE)('%s', async (_, bytes) => {
      const { db } = open(query);
      server.breaches = { [stage]: bytes };
      await expectFailure(() => plain(db));
      await vi.waitFor(() => expect(server.open).toBe(0), WAIT_OPTIONS);
      if (stage !== 'tls') expect(await plain(db)).toEqual([{ n: 1 }]);
    });
  });

  test.each([
    ['of an unknown kind', message('R', Buffer.from([0, 0, 0, 99]))],
    ['cut short', message('R', Buffer.alloc(2))],
    ['with mechanisms without an end', message('R', Buffer.from([0, 0, 0, 10, 65, 66]))],
    ['of SCRAM that was never begun', message('R', Buffer.from('\0\0\0\x0br=x,s=eA==,i=1'))],
    ['for Kerberos', message('R', Buffer.from([0, 0, 0, 2]))],
  ])('an authentication request %s', async (_, bytes) => {
    const { db } = open();
    server.breaches = { start: all(bytes, READY) };
    await expectFailure(() => plain(db));
    expect(await plain(db)).toEqual([{ n: 1 }]);
  });

  for (const [kind, send] of [
    ['a statement', plain],
    ['a prepared statement', fast],
  ] as const) {
    describe(`in answer to ${kind}`, () => {
      test.each(NONSENSE)('%s', async (_, bytes) => {
        const { db, share } = open();
        server.breaches = { statement: bytes };
        const failure = await expectFailure(() => send(db));
        expect(failure.message).toContain('the server broke the protocol');
        await vi.waitFor(() => expect(share.pool.state.open).toBe(0), WAIT_OPTIONS);
        expect(await plain(db)).toEqual([{ n: 1 }]);
        expect(server.connections).toBe(3);
      });

      test.each(ROWS)('a row %s', async (_, bytes) => {
        const { db } = open();
        server.breaches = {
          statement: all(kind === 'a statement' ? ONE : message('2'), bytes, COMPLETE, READY),
        };
        const failure = await expectFailure(() => send(db));
        expect(failure.message).toContain('the server broke the protocol');
        expect(await plain(db)).toEqual([{ n: 1 }]);
      });
    });
  }

  test('a row with fewer fields than the statement returns', async () => {
    const { db } = open();
    server.breaches = { statement: all(message('2'), row(), COMPLETE, READY) };
    const failure = await expectFailure(() => fast(db));
    expect(failure.message).toContain('a row is not what the statement gives');
  });

  test('a message is refused by its header, before its body arrives', async () => {
    const { db } = open();
    server.breaches = { statement: message('D', Buffer.alloc(0), TWO_GIGABYTES) };
    await expectFailure(() => plain(db));
    await vi.waitFor(() => expect(server.open).toBe(0), WAIT_OPTIONS);
  });

  test('an endless sequence of rows', async () => {
    const { db } = open();
    const large = message('D', Buffer.concat([fields(1, 99_999_990), Buffer.alloc(99_999_990)]));
    server.breaches = { statement: all(message('2'), ...Array<Buffer>(6).fill(large), COMPLETE, READY) };
    const failure = await expectFailure(() => fast(db));
    expect(failure.message).toContain('the rows of a statement exceed');
  });

  test.each([
    ['a statement', { statement: all(error('x'.repeat(500_000)), READY) }],
    ['a connection', { start: error('x'.repeat(500_000), '28000') }],
    ['a connection, with a text of 50 MB', { start: error('x'.repeat(50_000_000), '28000') }],
  ])('an endless error text in reply to %s', async (_, breaches) => {
    const { db } = open();
    server.breaches = breaches;
    await expectFailure(() => plain(db));
    expect(await plain(db)).toEqual([{ n: 1 }]);
  });

  test('a violation on an idle connection is logged once', async () => {
    const { db, share } = open();
    server.breaches = { statement: all(ONE, row('1'), COMPLETE, READY, message('A', Buffer.alloc(3))) };
    expect(await plain(db)).toEqual([{ n: 1 }]);
    await vi.waitFor(() => expect(share.pool.state.open).toBe(0), WAIT_OPTIONS);
    expect(logged.filter((line) => line.includes('broke the protocol'))).toHaveLength(1);
  });

  test('a violation on the listening connection', async () => {
    const { db, share } = open();
    const payload = 'x'.repeat(2_000_000);
    server.breaches = {
      statement: all(message('A', Buffer.from(`\0\0\0\0querator\0${payload}\0`)), COMPLETE, READY),
    };
    share.pool.signals.subscribe('topic', () => {});
    await vi.waitFor(() => expect(logged.join()).toContain("a message of kind 'A' claims"), WAIT_OPTIONS);
    expect(share.pool.signals.listening).toBe(false);
    server.breaches = {};
    expect(await plain(db)).toEqual([{ n: 1 }]);
  });

  test('a startup message that never ends exceeds the time limit', async () => {
    const { db } = open('sslmode=disable&connect_timeout=1');
    server.breaches = { start: all(AUTHENTICATED, message('S', Buffer.from('a\0b\0'))) };
    await expectFailure(() => plain(db));
    expect(await plain(db)).toEqual([{ n: 1 }]);
  });
});
