import { type Duration, type Instant, microseconds, type PartitionStats } from '@querator/core';
import type { Entry, EntryState } from './entry.ts';

/** Counts and sums that every change updates, so that `stats` costs the same for any number of items. */
export class Counts {
  readonly #counts: Record<EntryState, number> = {
    waiting: 0,
    leased: 0,
    scheduled: 0,
    prepared: 0,
    moving: 0,
    moved: 0,
    gone: 0,
  };
  #createdSum = 0n;
  #leaseDeadlineSum = 0n;

  add(entry: Entry): void {
    this.#counts[entry.state]++;
    if (isQueued(entry)) this.#createdSum += entry.createdAt;
    if (entry.state === 'leased') this.#leaseDeadlineSum += entry.due;
  }

  subtract(entry: Entry): void {
    this.#counts[entry.state]--;
    if (isQueued(entry)) this.#createdSum -= entry.createdAt;
    if (entry.state === 'leased') this.#leaseDeadlineSum -= entry.due;
  }

  stats(now: Instant): Omit<PartitionStats, 'headAge'> {
    const { waiting, leased, scheduled, moving, moved } = this.#counts;
    const dead = moving + moved;
    const queued = waiting + leased + dead;
    return {
      waiting,
      leased: leased + dead,
      scheduled,
      averageAge: mean(now * BigInt(queued) - this.#createdSum, queued),
      averageLeaseLeft: mean(this.#leaseDeadlineSum - now * BigInt(leased), leased),
    };
  }
}

/** Whether a list of queued items contains the entry. */
function isQueued({ state }: Entry): boolean {
  return state !== 'scheduled' && state !== 'prepared';
}

function mean(sumMicroseconds: bigint, count: number): Duration {
  return count === 0 ? microseconds(0n) : ((microseconds(sumMicroseconds) / BigInt(count)) as Duration);
}
