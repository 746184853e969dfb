import nodeProcess from 'node:process';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { decode, encode, NAME_LENGTH } from '../src/signals/message.ts';
import { testBackend } from './support/test-backend.ts';

/** More than an idle machine ever needs. */
const WAIT_OPTIONS = { timeout: 10_000, interval: 10 };

describe('signals', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;
  const open: ReturnType<typeof testBackend>[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client({ connectionString: database.connectionString, application_name: 'admin' });
    await admin.connect();
  });
  afterEach(async () => {
    for (const backend of open.splice(0)) await backend.close();
    await admin.end();
    await database.drop();
  });

  /** A backend of another process, and the changes that it was notified of. */
  function process(options: Parameters<typeof testBackend>[1] = {}) {
    const backend = testBackend(database.connectionString, options);
    open.push(backend);
    const notified: string[] = [];
    const watch = (topic: string) => backend.signals?.subscribe(topic, () => notified.push(topic));
    return { backend, signals: backend.signals, notified, watch };
  }

  async function listening(...processes: ReturnType<typeof process>[]) {
    await vi.waitFor(() => {
      for (const { signals } of processes) expect(signals?.listening).toBe(true);
    }, WAIT_OPTIONS);
  }

  const listeners = async () => {
    const { rows } = await admin.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database()
        AND (query LIKE 'LISTEN%' OR query LIKE '%pg_notify%') AND application_name = 'querator'`,
    );
    return rows.map(({ pid }) => pid);
  };

  test('reach the other processes, and not the sender', async () => {
    const [a, b] = [process(), process()];
    a.watch('letters');
    b.watch('letters');
    b.watch('numbers');
    await listening(a, b);
    // Both may have been notified of the gap before they listened.
    await vi.waitFor(() => {
      a.signals?.publish('letters');
      expect(b.notified.filter((topic) => topic === 'letters').length).toBeGreaterThan(1);
    }, WAIT_OPTIONS);
    expect(b.notified.filter((topic) => topic === 'numbers')).toHaveLength(1);
    expect(a.notified).toEqual(['letters']);
  });

  test('wake subscribers when listening begins, because a change may have happened before', async () => {
    const a = process();
    a.watch('early');
    expect(a.notified).toEqual([]);
    await vi.waitFor(() => expect(a.notified).toEqual(['early']), WAIT_OPTIONS);
  });

  test('wake subscribers when listening begins again after a lost connection', async () => {
    const [a, b] = [process(), process()];
    a.watch('x');
    b.watch('x');
    await listening(a, b);
    const notified = a.notified.length;
    for (const pid of await listeners()) await admin.query('SELECT pg_terminate_backend($1)', [pid]);
    await vi.waitFor(() => expect(a.notified.length).toBeGreaterThan(notified), WAIT_OPTIONS);
    await listening(a, b);
    await vi.waitFor(() => {
      const before = b.notified.length;
      a.signals?.publish('x');
      return vi.waitFor(() => expect(b.notified.length).toBeGreaterThan(before), { timeout: 500 });
    }, WAIT_OPTIONS);
  });

  test('published before the process listens are sent once it does', async () => {
    const b = process();
    for (const topic of ['x', 'y']) b.watch(topic);
    await listening(b);
    const a = process();
    a.signals?.publish('x');
    // Once for the start, and once for this.
    await vi.waitFor(() => expect(b.notified).toEqual(['x', 'y', 'x']), WAIT_OPTIONS);
  });

  test('published while the connection is lost are sent once it is back', async () => {
    const a = process();
    a.watch('y');
    await listening(a);
    const [pid] = await listeners();
    const b = process();
    b.watch('x');
    await listening(b);
    await vi.waitFor(() => {
      a.signals?.publish('x');
      expect(b.notified.length).toBeGreaterThan(1);
    }, WAIT_OPTIONS);
    await admin.query('SELECT pg_terminate_backend($1)', [pid]);
    // It may listen again within milliseconds, so `listening` may never be seen as false.
    await vi.waitFor(async () => expect(await listeners()).not.toContain(pid), WAIT_OPTIONS);
    const notified = b.notified.length;
    a.signals?.publish('x');
    await vi.waitFor(() => expect(b.notified.length).toBeGreaterThan(notified), WAIT_OPTIONS);
  });

  test('published just before a process ends are sent', async () => {
    const [a, b] = [process(), process()];
    a.watch('y');
    b.watch('x');
    await listening(a, b);
    // Only then does the first know that there is another.
    await vi.waitFor(() => {
      b.signals?.publish('y');
      expect(a.notified.length).toBeGreaterThan(1);
    }, WAIT_OPTIONS);
    const notified = b.notified.length;
    a.signals?.publish('x');
    await a.backend.close();
    await vi.waitFor(() => expect(b.notified.length).toBeGreaterThan(notified), WAIT_OPTIONS);
  });

  test('of many topics in quick succession are sent together', async () => {
    const [a, b] = [process(), process()];
    const topics = Array.from({ length: 2_000 }, (_, n) => `topic ${n}`);
    for (const topic of topics) b.watch(topic);
    a.watch('own');
    await listening(a, b);
    await vi.waitFor(() => {
      for (const topic of topics) a.signals?.publish(topic);
      expect(b.notified.length).toBeGreaterThanOrEqual(2 * topics.length);
    }, WAIT_OPTIONS);
    expect(new Set(b.notified).size).toBe(topics.length);
  });

  test('are not sent while no other process listens', async () => {
    const a = process();
    a.watch('x');
    await listening(a);
    await admin.query('LISTEN querator');
    const notified: string[] = [];
    admin.on('notification', ({ payload }) => notified.push(payload ?? ''));
    for (let n = 0; n < 100; n++) a.signals?.publish('x');
    // Everything sent earlier arrives before the answer to this.
    await a.backend.queueStore().list({ namespace: 'x', pivot: '', limit: 1 });
    await admin.query('SELECT 1');
    expect(notified.filter((payload) => payload.startsWith('t'))).toEqual([]);
  });

  test('answer many introductions one after the other', async () => {
    const a = process();
    a.watch('x');
    await listening(a);
    const warnings: string[] = [];
    const keep = ({ message }: Error) => warnings.push(message);
    nodeProcess.on('warning', keep);
    await admin.query('LISTEN querator');
    let beats = 0;
    admin.on('notification', ({ payload }) => {
      if (decode(payload ?? '')?.kind === 'beat') beats++;
    });
    const hellos = Array.from({ length: 20 }, (_, n) =>
      encode({ kind: 'hello', from: `n${n}`.padEnd(NAME_LENGTH, 'x'), marked: true }),
    );
    await admin.query(`SELECT pg_notify('querator', hello) FROM unnest($1::text[]) AS hello`, [hellos]);
    await vi.waitFor(() => expect(beats).toBe(hellos.length), WAIT_OPTIONS);
    nodeProcess.off('warning', keep);
    // The warning of pg about statements that are sent while another one is under way.
    expect(warnings).toEqual([]);
  });

  test('of a topic without subscribers are ignored', async () => {
    const [a, b] = [process(), process()];
    const end = b.watch('x');
    b.watch('y');
    a.watch('z');
    await listening(a, b);
    await vi.waitFor(() => {
      a.signals?.publish('x');
      expect(b.notified.filter((topic) => topic === 'x').length).toBeGreaterThan(1);
    }, WAIT_OPTIONS);
    end?.();
    const notified = b.notified.filter((topic) => topic === 'x').length;
    await vi.waitFor(() => {
      a.signals?.publish('x');
      a.signals?.publish('y');
      expect(b.notified.filter((topic) => topic === 'y').length).toBeGreaterThan(2);
    }, WAIT_OPTIONS);
    expect(b.notified.filter((topic) => topic === 'x')).toHaveLength(notified);
  });

  test('use one connection of the pool, which stays within its limit', async () => {
    const a = process({ maxConns: 2 });
    a.watch('x');
    await listening(a);
    const store = a.backend.partitionStore({ queue: 'q', partition: 0 });
    await Promise.all(Array.from({ length: 20 }, () => store.stats()));
    const { rows } = await admin.query(
      `SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'querator'`,
    );
    expect(rows).toEqual([{ count: 2 }]);
  });

  test('are disabled with a pool of one connection, which serves calls', async () => {
    const a = process({ maxConns: 1 });
    a.watch('x');
    await a.backend.partitionStore({ queue: 'q', partition: 0 }).stats();
    expect(a.signals?.listening).toBe(false);
    a.signals?.publish('x');
  });
});
