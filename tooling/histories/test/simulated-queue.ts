import type { SeededRandom } from '@querator/core/testing';
import type { Source } from '../src/history/history.ts';
import type { SimulatedLetters, StoredLetter } from './simulated-letters.ts';

/** An item in the simulated queue. */
export interface Stored {
  readonly item: string;
  readonly partition: number;
  readonly firstId: string;
  /** Set if it has been a dead letter. */
  readonly source?: Source | undefined;
  number: number;
  id: string;
  attempts: number;
  state: 'invisible' | 'waiting' | 'leased' | 'scheduled';
  deadline: number;
}

/** The dead-letter queue of a simulated queue. */
export interface DeadLettersOf {
  readonly letters: SimulatedLetters;
  readonly maxAttempts: number;
}

/** A correct queue, one step at a time. The histories of the property tests come from it. */
export class SimulatedQueue {
  readonly #random: SeededRandom;
  readonly #leaseTimeoutMs: number;
  readonly #partitions: number;
  readonly #dead: DeadLettersOf | undefined;
  #items: Stored[] = [];
  #numbers = 0;

  constructor(
    random: SeededRandom,
    {
      partitions,
      leaseTimeoutMs,
      dead,
    }: { partitions: number; leaseTimeoutMs: number; dead?: DeadLettersOf | undefined },
  ) {
    this.#random = random;
    this.#partitions = partitions;
    this.#leaseTimeoutMs = leaseTimeoutMs;
    this.#dead = dead;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Gives the items their numbers. They become visible with `show`. */
  number(items: readonly string[]): readonly Stored[] {
    const partition = Math.floor(this.#random.fraction() * this.#partitions);
    const stored = items.map((item) => {
      const place = this.#place();
      const fresh = { attempts: 0, state: 'invisible' as const, deadline: 0 };
      return { item, partition, firstId: place.id, ...fresh, ...place };
    });
    this.#items.push(...stored);
    return stored;
  }

  show(items: readonly Stored[]): void {
    for (const stored of items) stored.state = 'waiting';
  }

  /** The oldest items of a partition, or of the fullest one. */
  lease(limit: number, now: number, partition = this.#fullest()): readonly Stored[] {
    const taken = this.#items
      .filter((stored) => stored.state === 'waiting' && stored.partition === partition)
      .sort((a, b) => a.number - b.number)
      .slice(0, limit);
    for (const stored of taken) {
      stored.state = 'leased';
      stored.attempts++;
      stored.deadline = now + this.#leaseTimeoutMs;
    }
    return taken;
  }

  /** Undoes leases that have not changed since. @returns their number. */
  release(items: readonly Stored[], ids: readonly string[]): number {
    let released = 0;
    for (const [n, stored] of items.entries()) {
      if (stored.state !== 'leased' || stored.id !== ids[n] || !this.#items.includes(stored)) continue;
      stored.state = 'waiting';
      stored.attempts--;
      released++;
    }
    return released;
  }

  /** @returns the items if all of them are leased. */
  #held(ids: readonly string[]): readonly Stored[] | undefined {
    const held = ids.map((id) => this.#items.find((stored) => stored.id === id && stored.state === 'leased'));
    return held.every((stored) => stored !== undefined) ? (held as Stored[]) : undefined;
  }

  complete(ids: readonly string[]): boolean {
    const held = this.#held(ids);
    if (held === undefined) return false;
    this.#items = this.#items.filter((stored) => !held.includes(stored));
    return true;
  }

  /** @returns the leases that were extended, with their new deadlines. */
  extend(ids: readonly string[], now: number): readonly { readonly id: string; readonly deadline: number }[] {
    const deadline = now + this.#leaseTimeoutMs;
    const held = this.#items.filter(({ id, state }) => state === 'leased' && ids.includes(id));
    for (const stored of held) stored.deadline = deadline;
    return held.map(({ id }) => ({ id, deadline }));
  }

  /** @returns the scheduled or waiting items; undefined if refused. */
  retry(
    ids: readonly string[],
    how: { readonly scheduled: boolean; readonly dead: boolean },
  ): readonly Stored[] | undefined {
    const held = this.#held(ids);
    if (held === undefined) return undefined;
    if (how.dead) {
      for (const stored of held) this.#die(stored, 'rejected');
      return [];
    }
    for (const stored of held) {
      if (how.scheduled) stored.state = 'scheduled';
      else this.requeue(stored);
    }
    return held;
  }

  /** Puts a scheduled item, or one with an ended lease, at the tail. */
  requeue(stored: Stored): void {
    if (!this.#items.includes(stored)) return;
    if (this.#dead !== undefined && stored.attempts >= this.#dead.maxAttempts) {
      this.#die(stored, 'attempts');
      return;
    }
    Object.assign(stored, { state: 'waiting', ...this.#place() });
  }

  /** Stores a dead letter again. */
  returned({ item, firstId, source }: StoredLetter): void {
    const fresh = { attempts: 0, state: 'waiting' as const, deadline: 0 };
    this.#items.push({
      item,
      partition: source.partition,
      firstId,
      source,
      ...fresh,
      ...this.#place(),
    });
  }

  #die(stored: Stored, reason: string): void {
    this.#items = this.#items.filter((each) => each !== stored);
    const { item, id, partition, firstId, attempts, source } = stored;
    const inAll = (source?.attempts ?? 0) + attempts;
    this.#dead?.letters.add(item, firstId, { queue: 'q', partition, id, attempts: inAll, reason });
  }

  /** Ends all leases past their deadline. */
  sweep(now: number): void {
    for (const stored of [...this.#items]) {
      if (stored.state === 'leased' && now > stored.deadline) this.requeue(stored);
    }
  }

  clear(leased: boolean): void {
    this.#items = this.#items.filter(({ state }) => state === 'invisible' || (state === 'leased' && !leased));
  }

  #place(): { number: number; id: string } {
    const number = this.#numbers++;
    return { number, id: `id-${number}` };
  }

  #fullest(): number {
    const waiting = Array.from(
      { length: this.#partitions },
      (_, partition) =>
        this.#items.filter((stored) => stored.partition === partition && stored.state === 'waiting').length,
    );
    return waiting.indexOf(Math.max(...waiting));
  }
}
