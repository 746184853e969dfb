import type { EngineLimits, QueueCall } from '../../../src/index.ts';
import type { Dice } from './dice.ts';
import type { Climate } from './weather.ts';

/** What a seed makes of a world before it begins. */
export interface Setting {
  readonly engines: number;
  /** How far the clocks of the engines are ahead of storage's, in milliseconds. */
  readonly fastByMs: readonly number[];
  readonly signals: 'none' | 'good' | 'lossy';
  readonly polls: boolean;
  readonly disks: number;
  readonly climate: Climate;
  /** Mishaps while the clients are at work. */
  readonly outages: number;
  readonly crashes: number;
  readonly restarts: number;
  readonly naps: number;
  readonly limits: Partial<EngineLimits>;
  /** The queue that all is about, and the one for its dead letters. */
  readonly jobs: Partial<QueueCall>;
  readonly dead: Partial<QueueCall>;
  readonly producers: number;
  readonly consumers: number;
  readonly operators: number;
  /** Requests each client makes, about. */
  readonly turns: number;
  /** Whether operators may change settings of the queues, or remove items and queues. */
  readonly tampering: boolean;
}

/** Longer than the time in which anything fails. */
export const LETTER_AUTO_COMMIT_MS = 120_000;

const CLIMATES: readonly Climate[] = [
  { fault: 0, slow: 0, verySlow: 0 },
  { fault: 0, slow: 0.3, verySlow: 0 },
  { fault: 0, slow: 0.2, verySlow: 0.03 },
  { fault: 0.03, slow: 0.1, verySlow: 0.01 },
  { fault: 0.15, slow: 0.3, verySlow: 0.02 },
];

/** Each is ordinary in most worlds, and extreme in some. */
export function settingOf(dice: Dice): Setting {
  const engines = dice.pick([1, 1, 2, 2, 3]);
  const hasDead = dice.chance(0.6);
  return {
    engines,
    fastByMs: Array.from({ length: engines }, () => (dice.chance(0.3) ? dice.whole(-1_500, 1_500) : 0)),
    signals: dice.pick(['none', 'good', 'lossy']),
    polls: dice.chance(0.5),
    disks: dice.pick([1, 1, 2]),
    climate: dice.pick(CLIMATES),
    outages: dice.pick([0, 0, 1, 3]),
    crashes: dice.pick([0, 0, 1, 2]),
    restarts: dice.pick([0, 0, 0, 1]),
    naps: dice.pick([0, 0, 0, 1, 2]),
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
}
