import type { History } from '../history/history.ts';
import { type DatabaseUnderTest, FAULTS, type Fault } from './faults.ts';
import { hasMoves } from './postgres-moves.ts';
import { postgresSchedules } from './postgres-schedules.ts';
import { LEASE_TIMEOUT_MS, MAX_ATTEMPTS, type ServersRunOptions, serversRun, TIMES } from './servers-run.ts';
import { setUpStage } from './stage.ts';

/** The options of a run on PostgreSQL. */
export interface PostgresRunOptions
  extends Pick<ServersRunOptions, 'seed' | 'origin' | 'calmMs' | 'faults' | 'failovers' | 'drainMs'> {
  readonly instances: number;
  /** The kinds of faults besides failovers. */
  readonly kinds?: readonly Fault[];
  /** A known-bad variant of the engine. */
  readonly variant?: string;
}

/**
 * Runs several servers on one database, each in its own process; see `serversRun`.
 *
 * @returns the history, also of a run that broke off.
 */
export async function postgresRun(
  database: DatabaseUnderTest,
  options: PostgresRunOptions,
): Promise<History> {
  const { seed, kinds = FAULTS } = options;
  const { partitions, outbox, maxAttempts, secondStorage } = shapeOf(seed);
  const stage = await setUpStage(database, {
    ...{ ...options, partitions, outbox, maxAttempts, secondStorage, leaseTimeoutMs: LEASE_TIMEOUT_MS },
  });
  return serversRun(stage, {
    ...{ ...options, kinds, partitions, maxAttempts, moves: secondStorage, database },
    schedules: (random) => postgresSchedules(stage, TIMES, random),
  });
}

/** What a run has, by its seed. */
function shapeOf(seed: number) {
  const isFirst = Math.floor(seed / 2) % 2 === 0;
  return {
    // Alternates with the seed, since several partitions excuse more.
    partitions: seed % 2 === 1 ? 1 : 3,
    // Of two consecutive seeds, one has each.
    outbox: isFirst ? ('same database' as const) : ('another database' as const),
    maxAttempts: isFirst ? MAX_ATTEMPTS : undefined,
    secondStorage: hasMoves(seed),
  };
}
