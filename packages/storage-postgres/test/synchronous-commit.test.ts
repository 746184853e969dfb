import type { PartitionStore } from '@querator/core';
import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { PostgresBackendOptions } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

/** More than an idle machine ever needs. */
const WAIT_OPTIONS = { timeout: 20_000, interval: 10 };
/** The same, so that a commit that waits is not given up. */
const UNHURRIED = { timeouts: { statementMs: 30_000 } };
const KEY = { queue: 'replicated', partition: 0 };

describe('a commit whose synchronous standby does not answer', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  let admin: pg.Client;
  let prober: pg.Client;

  beforeAll(async () => {
    cluster = await startTemporaryCluster({ volatile: true });
    admin = new pg.Client({ connectionString: cluster.connectionString() });
    admin.on('error', () => {});
    await admin.connect();
    prober = new pg.Client({ connectionString: cluster.connectionString(), application_name: 'prober' });
    await prober.connect();
    await prober.query('CREATE TABLE probe (n int)');
  }, 60_000);
  afterAll(async () => {
    await prober?.end();
    await admin?.end();
    await cluster?.stop();
  });

  /** From now on commits wait for a standby that never comes, or no longer. */
  async function waitForStandby(wait: boolean): Promise<void> {
    await admin.query(`ALTER SYSTEM SET synchronous_standby_names = '${wait ? 'nobody' : ''}'`);
    await admin.query('SELECT pg_reload_conf()');
    // It takes effect once the checkpointer has read it, which only commits reveal.
    await vi.waitFor(async () => expect(await commits()).toBe(!wait), WAIT_OPTIONS);
  }

  /** Whether a commit succeeds. */
  async function commits(): Promise<boolean> {
    let committed = false;
    const committing = prober.query('INSERT INTO probe VALUES (1)').then(() => {
      committed = true;
    });
    const waiting = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
      WHERE wait_event = 'SyncRep' AND application_name = 'prober'`;
    const waited = await vi.waitFor(async () => {
      const { rows } = await admin.query(waiting);
      expect(committed || rows.length > 0).toBe(true);
      return rows.length > 0;
    }, WAIT_OPTIONS);
    await committing;
    return !waited;
  }

  /** Waits until a commit waits, and does something to its backend. */
  async function toTheWaiting(call: 'pg_cancel_backend' | 'pg_terminate_backend'): Promise<void> {
    await vi.waitFor(async () => {
      const { rows } = await admin.query(
        `SELECT ${call}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'querator'`,
      );
      expect(rows).not.toEqual([]);
    }, WAIT_OPTIONS);
  }

  type Action = (store: PartitionStore, id: string) => Promise<unknown>;
  const ACTIONS: readonly [string, Action][] = [
    ['produce', (store) => store.produce([{ items: [item('new')] }], HOUR)],
    ['complete', (store, id) => store.complete([{ ids: [id] }])],
    ['lease', (store) => store.lease({ limit: 1, leaseTimeout: HOUR })],
  ];

  /** Does something while no standby confirms it. */
  async function attempt(
    action: Action,
    {
      meanwhile,
      options = {},
    }: { meanwhile: () => Promise<void>; options?: Partial<PostgresBackendOptions> },
  ): Promise<unknown> {
    const backend = testBackend(cluster.connectionString(), options);
    const store = backend.partitionStore(KEY);
    await store.produce([{ items: [item('a'), item('b')] }], HOUR);
    const [leased] = await store.lease({ limit: 1, leaseTimeout: HOUR });
    await waitForStandby(true);
    const outcome = action(store, leased?.id ?? '').then(
      (value) => ({ acknowledged: value }),
      (error: unknown) => error,
    );
    try {
      await meanwhile();
      return await outcome;
    } finally {
      await waitForStandby(false);
      await backend.close();
    }
  }

  const CANCELED = expect.stringContaining('the wait for the synchronous standby was canceled');
  const unknown = { name: 'StorageError', outcome: 'unknown' };

  test.each(ACTIONS)('%s: unknown when an operator cancels the wait', async (_, action) => {
    const meanwhile = () => toTheWaiting('pg_cancel_backend');
    expect(await attempt(action, { meanwhile })).toMatchObject({ ...unknown, message: CANCELED });
  });

  test.each(['auto', 'session', 'transaction'])(
    'pooler=%s: client_min_messages of the string does not hide the warning',
    async (pooler) => {
      const connectionString = `${cluster.connectionString()}?pooler=${pooler}&client_min_messages=error`;
      const meanwhile = () => toTheWaiting('pg_cancel_backend');
      for (const [, action] of ACTIONS) {
        expect(
          await attempt(action, { meanwhile, options: { ...UNHURRIED, connectionString } }),
        ).toMatchObject({ ...unknown, message: CANCELED });
      }
    },
  );

  test.each(ACTIONS)('%s: unknown when the backend is terminated', async (_, action) => {
    const meanwhile = () => toTheWaiting('pg_terminate_backend');
    expect(await attempt(action, { meanwhile })).toMatchObject(unknown);
  });

  test('is unknown after the time limit of the statement', async () => {
    const options = { timeouts: { statementMs: 1_500, answerGraceMs: 500 } };
    const meanwhile = async () => {};
    const [[, produce]] = ACTIONS as [[string, Action]];
    const message = expect.stringContaining('no answer within 2000 ms');
    expect(await attempt(produce, { meanwhile, options })).toMatchObject({ ...unknown, message });
  });

  test('leaves no session at the server after the time limit', async () => {
    const options = { timeouts: { statementMs: 1_500, answerGraceMs: 500 } };
    const sessions = async () => {
      const { rows } = await admin.query(
        `SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'querator'`,
      );
      return rows.map(({ pid }) => pid as number);
    };
    const meanwhile = async () => {
      await vi.waitFor(async () => expect(await sessions()).toHaveLength(1), WAIT_OPTIONS);
      await vi.waitFor(async () => expect(await sessions()).toEqual([]), WAIT_OPTIONS);
    };
    const [[, produce]] = ACTIONS as [[string, Action]];
    expect(await attempt(produce, { meanwhile, options })).toMatchObject(unknown);
  });
});
