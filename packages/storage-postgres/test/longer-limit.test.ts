import { milliseconds } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import type { Database, Session, Statement } from '../src/database/database.ts';
import { PostgresError } from '../src/errors/postgres-error.ts';
import { sweepKeys } from '../src/operations/keys.ts';
import { sweep } from '../src/operations/sweep.ts';
import { type RunSerially, Semaphore } from '../src/pool/semaphore.ts';
import { type PartitionContext, PartitionTable } from '../src/sql/partition-table.ts';

const REQUEST = { limit: 10, claimTimeout: milliseconds(1_000), maxAttempts: 3, dead: 'delete' } as const;

/** A database in which statements of the sweep reach the time limit of a request. */
class SlowDatabase {
  /** The names of the statements that were sent with an operator's limit. */
  readonly patient: string[] = [];
  readonly #sqlState: string;

  constructor(sqlState: string) {
    this.#sqlState = sqlState;
  }

  asDatabase(): Database {
    const late = async () => {
      const details = { outcome: 'not-applied', connectionLost: false, timedOut: false } as const;
      throw new PostgresError('too late', { ...details, sqlState: this.#sqlState });
    };
    const session = { query: (statement: Statement) => this.#answer(statement) } as Session;
    const maintenance = <T>(work: (session: Session) => Promise<T>) => work(session);
    const background = new Semaphore(() => 1);
    const runInBackground: RunSerially = (work) => background.run(work);
    const stand = { read: late, write: late, maintenance, runInBackground };
    return stand as unknown as Database;
  }

  async #answer({ name = '' }: Statement): Promise<readonly unknown[]> {
    this.patient.push(name.replace(/_[0-9a-f]{12}_\d+$/, ''));
    if (name.startsWith('sweep_probe')) {
      return [{ scheduled_ms: -1, lease_ms: -1, expired: true, expire_ms: null }];
    }
    if (name.startsWith('keys_sweep')) return [{ removed: 3, sweptTo: 'now', nextEndMs: null }];
    return [{ count: 1, requeued: 2, deleted: 0, highest: null, granted: true, id: null }];
  }
}

async function contextOf(database: SlowDatabase): Promise<PartitionContext> {
  const table = new PartitionTable({ queue: 'slow', partition: 0 });
  await table.numbers.checkWith(async () => 1n);
  return { db: database.asDatabase(), table, random: new SeededRandom(), clock: undefined };
}

test('a sweep behind more dead entries than a request can pass gets a longer time limit', async () => {
  const database = new SlowDatabase('57014');
  expect(await sweep(await contextOf(database), REQUEST)).toMatchObject({
    enqueued: 1,
    requeued: 2,
    deleted: 1,
  });
  expect(database.patient).toEqual([
    'sweep_probe',
    'sweep_scheduled',
    'sweep_leases_delete',
    'sweep_expired_delete',
    'sweep_probe',
  ]);
});

test('so does a sweep of dedup keys', async () => {
  const database = new SlowDatabase('57014');
  const start = { from: '-infinity' };
  expect(await sweepKeys(await contextOf(database), 10, start)).toMatchObject({ removed: 3 });
  expect(database.patient).toEqual(['keys_sweep']);
  expect(start.from).toBe('now');
});

test('any other failure ends the sweep', async () => {
  const database = new SlowDatabase('55P03');
  await expect(sweep(await contextOf(database), REQUEST)).rejects.toThrow('too late');
  expect(database.patient).toEqual([]);
});
