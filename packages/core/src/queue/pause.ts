import type { Duration } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';

/** What of a queue can be paused: that producers store items, that consumers receive them. */
export const PAUSABLE = ['produce', 'lease'] as const;

/** One of {@link PAUSABLE}. */
export type Pausable = (typeof PAUSABLE)[number];

/** A pause that is in force. */
export interface Pause {
  /** When it ends, by the storage's clock. Undefined: when the queue is resumed. */
  readonly until: Instant | undefined;
  /** How long it still lasted when the queue was read. The clocks of processes may differ. Undefined as `until`. */
  readonly left: Duration | undefined;
}

/** The pauses of a queue that were in force when it was read. */
export type Pauses = Readonly<Partial<Record<Pausable, Pause>>>;

/** The start of a pause, or its end. A pause replaces an earlier one. */
export type PauseChange = Pick<Pause, 'until'> | 'resume';
