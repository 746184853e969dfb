import type { EngineLimits, QueueCall } from '../../../src/index.ts';
import type { Dice } from './dice.ts';
import type { FaultRates } from './storage-faults.ts';

/** What a seed determines before the run begins. */
export interface Scenario {
  readonly engines: number;
  /** How far the clocks of the engines are ahead of storage's, in milliseconds. */
  readonly fastByMs: readonly number[];
  readonly signals: 'none' | 'good' | 'lossy';
  readonly polls: boolean;
  readonly disks: number;
  readonly faultRates: FaultRates;
  /** Incidents while the clients work. */
  readonly outages: number;
  readonly crashes: number;
  readonly restarts: number;
  readonly sleeps: number;
  readonly limits: Partial<EngineLimits>;
  /** The queue under test, and its dead-letter queue. */
  readonly jobs: Partial<QueueCall>;
  readonly dead: Partial<QueueCall>;
  readonly producers: number;
  readonly consumers: number;
  readonly operators: number;
  /** The approximate number of requests of each client. */
  readonly turns: number;
  /** Whether operators may change settings of the queues, or remove items and queues. */
  readonly tampering: boolean;
  /** The moves of partitions to another disk, one after the other. */
  readonly moves: number;
}

/** In milliseconds; longer than the time in which anything fails. */
export const LETTER_AUTO_COMMIT_MS = 120_000;

const FAULT_RATES: readonly FaultRates[] = [
  { fault: 0, slow: 0, verySlow: 0 },
  { fault: 0, slow: 0.3, verySlow: 0 },
  { fault: 0, slow: 0.2, verySlow: 0.03 },
  { fault: 0.03, slow: 0.1, verySlow: 0.01 },
  { fault: 0.15, slow: 0.3, verySlow: 0.02 },
];

/** Each value is ordinary in most runs, and extreme in some. */
export function scenarioOf(dice: Dice): Scenario {
  const engines = dice.pick([1, 1, 2, 2, 3]);
  const hasDead = dice.chance(0.6);
  const scenario: Omit<Scenario, 'moves'> = {
    engines,
    fastByMs: Array.from({ length: engines }, () => (dice.chance(0.3) ? dice.whole(-1_500, 1_500) : 0)),
    signals: dice.pick(['none', 'good', 'lossy']),
    polls: dice.chance(0.5),
    disks: dice.pick([1, 1, 2]),
    faultRates: dice.pick(FAULT_RATES),
    outages: dice.pick([0, 0, 1, 3]),
    crashes: dice.pick([0, 0, 1, 2]),
    restarts: dice.pick([0, 0, 0, 1]),
    sleeps: dice.pick([0, 0, 0, 1, 2]),
    limits: {
      letterAutoCommitMs: LETTER_AUTO_COMMIT_MS,
      ...(dice.chance(0.15) ? { requestsBuffered: 2 } : {}),
      ...(dice.chance(0.15) ? { statementItems: 3 } : {}),
      ...(dice.chance(0.15) ? { statementBytes: 30 } : {}),
      ...(dice.chance(0.2) ? { sweepItems: 2 } : {}),
    },
    jobs: {
      requestedPartitions: dice.pick([1, 1, 2, 3]),
      leaseTimeout: dice.pick(['700ms', '2s', '5s']),
      expireTimeout: dice.chance(0.2) ? '6s' : '24h',
      deadQueue: hasDead ? 'dead' : '',
      maxAttempts: dice.pick([0, 1, 2, 3]),
    },
    dead: { requestedPartitions: dice.pick([1, 2]), leaseTimeout: '3s' },
    producers: dice.whole(1, 3),
    consumers: dice.whole(1, 4),
    operators: dice.pick([0, 1, 1]),
    turns: dice.pick([6, 10, 16]),
    tampering: dice.chance(0.3),
  };
  return { ...scenario, moves: scenario.disks > 1 && dice.chance(0.6) ? dice.whole(1, 4) : 0 };
}
