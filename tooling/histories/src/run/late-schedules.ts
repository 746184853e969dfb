import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@querator/core/testing';
import type { Firings } from '../history/history.ts';
import { orUnknown } from '../history/queue-calls.ts';
import type { LateSchedule, ScheduleCalls } from '../history/schedule-calls.ts';
import { oneOf } from './one-of.ts';

/** The hours of one day in which the schedules fire, once a minute. */
const HOURS = 4;
/** How many times have passed. A schedule fires 1,000 late times at most. */
const TIMES = HOURS * 60;
/** The month of the times is that many months ago, and so the next time is months ahead. */
const MONTHS_AGO = 6;
const LOOK_MS = 50;
const PATIENCE_MS = 60_000;

/** What late schedules use of a run. */
export interface LateSchedulesOptions {
  /** At each server. */
  readonly calls: readonly ScheduleCalls[];
  /** Moves the next time of all schedules, in milliseconds since 1970. There is no call for that. */
  readonly setNext: (at: number) => Promise<void>;
  /** The payloads of all stored items. */
  readonly stored: () => Promise<readonly string[]>;
  readonly random: SeededRandom;
  /** Schedules that fire all times; there is one more for each other policy. */
  readonly count: number;
}

export interface FinishedSchedules {
  readonly firings: readonly Firings[];
  /** Whether all have come to their ends. */
  readonly isDone: boolean;
}

/**
 * Schedules whose times all have passed, as if no server had run for months. Servers fire one
 * time after the other, as fast as they can. So a run of seconds has hundreds of firings,
 * at the system's clock, and it is known how many there must be.
 */
export class LateSchedules {
  readonly #options: LateSchedulesOptions;
  readonly #schedules: readonly LateSchedule[];
  readonly #first: number;

  constructor(options: LateSchedulesOptions) {
    this.#options = options;
    const month = new Date();
    month.setUTCDate(1);
    month.setUTCMonth(month.getUTCMonth() - MONTHS_AGO);
    month.setUTCHours(0, 0, 0, 0);
    this.#first = month.getTime();
    const cron = `* 0-${HOURS - 1} 1 ${month.getUTCMonth() + 1} *`;
    this.#schedules = [
      ...Array.from({ length: options.count }, (_, n) => ({ name: `all${n}`, cron, missed: 'all' as const })),
      ...(['one', 'skip'] as const).map((missed) => ({ name: missed, cron, missed })),
    ];
  }

  /** Creates the schedules, and makes them late. */
  async begin(): Promise<void> {
    const { calls, setNext } = this.#options;
    for (const schedule of this.#schedules) await calls[0]?.create(schedule);
    await setNext(this.#first);
    await this.interfere();
  }

  /** Replaces schedules by themselves while servers fire them. Tells servers that they are late. */
  async interfere(): Promise<void> {
    const { calls, random } = this.#options;
    for (const schedule of this.#schedules) await orUnknown(oneOf(calls, random).update(schedule));
  }

  /** Waits until all times have been fired, or passed over, for a limited time. */
  async finish(): Promise<FinishedSchedules> {
    const { calls, stored, random } = this.#options;
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const progress = (await orUnknown(oneOf(calls, random).progress())) ?? [];
      const isDone = progress.length > 0 && progress.every(({ nextAt = 0 }) => nextAt > Date.now());
      if (isDone || performance.now() > until) {
        const payloads = await stored();
        const firings = this.#schedules.map(({ name, missed: policy }) => {
          const { fired = 0, missed = 0 } = progress.find((each) => each.name === name) ?? {};
          const count = payloads.filter((payload) => payload === name).length;
          return { schedule: name, policy, times: TIMES, fired, missed, stored: count };
        });
        return { firings, isDone };
      }
      // Ends the claims of servers that were killed, and the pauses of schedules that failed.
      await this.interfere();
      await delay(LOOK_MS);
    }
  }
}
