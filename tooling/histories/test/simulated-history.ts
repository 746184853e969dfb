import { SeededRandom } from '@querator/core/testing';
import { DEFAULT_ALLOWANCES } from '../src/checker/allowances.ts';
import type {
  Disturbance,
  Given,
  History,
  Operation,
  Outcome,
  ReleaseCount,
} from '../src/history/history.ts';
import { SimulatedLetters } from './simulated-letters.ts';
import { SimulatedOutbox } from './simulated-outbox.ts';
import { SimulatedQueue, type Stored } from './simulated-queue.ts';
import { SimulatedRedriver } from './simulated-redriver.ts';

/** The kind of history. */
export interface SimulationOptions {
  readonly seed: number;
  readonly partitions: number;
  readonly producers: number;
  readonly consumers: number;
  /** Whether answers are lost, leases undone, and statements fail. */
  readonly faults: boolean;
  /** Whether the queue is sometimes cleared. */
  readonly clears: boolean;
  /** Producers that write into an outbox. */
  readonly outboxClients: number;
  /** Whether there is a dead-letter queue, and an operator of it. */
  readonly letters: boolean;
}

const LEASE_MS = 400;
const LENGTH_MS = 2_500;
const SWEEP_MS = 37;
const MAX_ATTEMPTS = 3;
const RELAY_MS = 11;
const SLOW_MS = 25;
/** Longer than any event that starts before the end. */
const LATE_MS = 1_500;

/** Simulates clients of a correct queue that uses every freedom of the rules. */
export function simulateHistory(options: SimulationOptions): History {
  return new Simulation(options).run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: SeededRandom;
  readonly #queue: SimulatedQueue;
  readonly #outbox = new SimulatedOutbox();
  readonly #letters = new SimulatedLetters();
  readonly #operations: Operation[] = [];
  readonly #disturbances: Disturbance[] = [];
  readonly #releases: ReleaseCount[] = [];
  #released = 0;
  #agenda: { at: number; order: number; act: () => void }[] = [];
  #order = 0;
  #now = 0;
  #items = 0;
  #number = 0;
  #draining = false;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#queue = new SimulatedQueue(this.#random, {
      partitions: options.partitions,
      leaseTimeoutMs: LEASE_MS,
      dead: options.letters ? { letters: this.#letters, maxAttempts: MAX_ATTEMPTS } : undefined,
    });
  }

  run(): History {
    const { producers, consumers, outboxClients, letters, faults, clears } = this.#options;
    for (let n = 0; n < producers; n++) this.#in(this.#upTo(20), () => this.#produce(`p${n}`));
    for (let n = 0; n < consumers; n++) this.#in(this.#upTo(20), () => this.#lease(`c${n}`));
    for (let n = 0; n < outboxClients; n++) this.#in(this.#upTo(20), () => this.#transact(`o${n}`));
    if (outboxClients > 0) this.#in(RELAY_MS, () => this.#relay());
    const redriver = letters ? this.#redriver() : undefined;
    redriver?.start();
    if (clears) this.#in(500 + this.#upTo(2_000), () => this.#clear());
    if (faults) this.#in(1_000 + this.#upTo(1_000), () => this.#disturb());
    this.#in(SWEEP_MS, () => this.#sweep());
    this.#work(() => this.#now < LENGTH_MS);
    this.#draining = true;
    this.#work(() => this.#agenda.length > (outboxClients > 0 ? 2 : 1) || !this.#outbox.isEmpty);
    redriver?.drain();
    return {
      ...{
        version: 1,
        origin: `simulation, seed ${this.#options.seed}`,
        partitions: this.#options.partitions,
      },
      ...{
        leaseTimeoutMs: LEASE_MS,
        maxAttempts: letters ? MAX_ATTEMPTS : undefined,
        drained: true,
        disturbances: this.#disturbances,
        releases: this.#releases,
      },
      operations: this.#operations.toSorted((a, b) => a.invoked - b.invoked),
    };
  }

  #redriver(): SimulatedRedriver {
    return new SimulatedRedriver({
      letters: this.#letters,
      leaseTimeoutMs: LEASE_MS,
      now: () => this.#now,
      isEnding: () => this.#draining,
      upTo: (limit) => this.#upTo(limit),
      later: (delayMs, act) => this.#in(delayMs, act),
      call: (client) => this.#call(client),
      returned: (letter) => this.#queue.returned(letter),
    });
  }

  #work(goesOn: () => boolean): void {
    while (goesOn()) {
      this.#agenda.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#agenda.shift();
      if (next === undefined) return;
      this.#now = next.at;
      next.act();
    }
  }

  #in(delayMs: number, act: () => void): void {
    this.#agenda.push({ at: this.#now + delayMs, order: this.#order++, act });
  }

  #upTo(limit: number): number {
    return this.#random.fraction() * limit;
  }

  #chance(probability: number): boolean {
    return this.#random.fraction() < probability;
  }

  #faulty(probability: number): boolean {
    return this.#options.faults && !this.#draining && this.#chance(probability);
  }

  /** Starts a call. @returns a function that ends it. */
  #call(client: string): (outcome: Outcome, told: object) => void {
    const made = { number: this.#number++, client, instance: 0, invoked: this.#now };
    return (outcome, told) => {
      this.#operations.push({ ...made, returned: this.#now, outcome, ...told } as Operation);
    };
  }

  #produce(client: string): void {
    if (this.#draining) return;
    const items = Array.from({ length: 1 + Math.floor(this.#upTo(4)) }, () => `i${this.#items++}`);
    const end = this.#call(client);
    const fate: Outcome = this.#faulty(0.1) ? (this.#chance(0.5) ? 'unknown' : 'not-done') : 'ok';
    const delayMs = this.#chance(0.1) ? 250 + this.#upTo(300) : undefined;
    const told = {
      ...{ call: 'produce' as const, items },
      ...(delayMs === undefined ? {} : { notBefore: this.#now + delayMs }),
    };
    const due = this.#now + (delayMs ?? 0);
    const takesEffect = fate === 'ok' || (fate === 'unknown' && this.#chance(0.5));
    this.#in(this.#upTo(6), () => {
      const finish = () => {
        end(fate, told);
        this.#in(this.#upTo(8), () => this.#produce(client));
      };
      if (!takesEffect) {
        this.#in(this.#upTo(6), finish);
        return;
      }
      const isLate = fate === 'unknown' && this.#chance(0.5);
      if (isLate) this.#in(this.#upTo(3), finish);
      if (delayMs !== undefined) {
        this.#in(Math.max(0, due - this.#now) + this.#upTo(20), () =>
          this.#queue.show(this.#queue.number(items)),
        );
        if (!isLate) this.#in(this.#upTo(3), finish);
        return;
      }
      const stored = this.#queue.number(items);
      this.#in(isLate ? 3 + this.#upTo(100) : this.#upTo(6), () => {
        this.#queue.show(stored);
        if (!isLate) this.#in(this.#upTo(6), finish);
      });
    });
  }

  /** A transaction of two calls. */
  #transact(client: string): void {
    if (this.#draining) return;
    const calls = [1, 2].map(() =>
      Array.from({ length: 1 + Math.floor(this.#upTo(2)) }, () => `i${this.#items++}`),
    );
    const end = this.#call(client);
    const fate: Outcome = this.#chance(0.2) ? 'not-done' : this.#faulty(0.1) ? 'unknown' : 'ok';
    const commits = fate === 'ok' || (fate === 'unknown' && this.#chance(0.5));
    const first = this.#outbox.write(calls[0] ?? []);
    this.#in(this.#upTo(20), () => {
      const rows = [...first, ...this.#outbox.write(calls[1] ?? [])];
      this.#in(this.#upTo(60), () => {
        if (commits) this.#outbox.commit(rows);
        else this.#outbox.rollBack(rows);
        this.#in(this.#upTo(6), () => {
          end(fate, { call: 'produce', outbox: true, items: calls.flat() });
          this.#in(this.#upTo(30), () => this.#transact(client));
        });
      });
    });
  }

  /** Moves the rows of an outbox, a batch at a time. */
  #relay(): void {
    const items = this.#outbox.take(1 + Math.floor(this.#upTo(8)));
    this.#in(this.#upTo(6), () => {
      if (items.length > 0) this.#queue.show(this.#queue.number(items));
      this.#in(RELAY_MS, () => this.#relay());
    });
  }

  #lease(client: string): void {
    const limit = this.#draining ? 50 : 1 + Math.floor(this.#upTo(6));
    const end = this.#call(client);
    const again = () => {
      if (this.#now < LENGTH_MS + LATE_MS || this.#queue.size > 0)
        this.#in(this.#upTo(15), () => this.#lease(client));
    };
    const waitUntil = this.#now + 60;
    const fate = this.#faulty(0.05) ? (this.#chance(0.5) ? 'unknown' : 'not-done') : 'ok';
    const look = (from?: number) => {
      const taken = this.#queue.lease(limit, this.#now, from);
      if (taken.length === 0) {
        if (this.#now < waitUntil) {
          this.#in(5, () => look());
          return;
        }
        end('not-done', { call: 'lease', limit, given: [] });
        again();
        return;
      }
      const given = taken.map(({ item, id, attempts, deadline, firstId, source }) => ({
        ...{ item, id, attempts, deadline },
        ...(this.#options.letters ? { details: { firstId, source } } : {}),
      }));
      const partition = taken[0]?.partition ?? 0;
      this.#in(this.#upTo(6), () => {
        if (fate !== 'ok') {
          end(fate, { call: 'lease', limit, given: [] });
          if (fate === 'not-done') this.#undo(taken);
          again();
          return;
        }
        end('ok', { call: 'lease', limit, partition, given });
        this.#in(this.#upTo(10), () => this.#settle(client, partition, given, again));
      });
    };
    // The first partition is slow and the next one serves the request; the items of the first are put back.
    const lookTwice = () => {
      const taken = this.#queue.lease(limit, this.#now);
      this.#undo(taken);
      const next = ((taken[0]?.partition ?? 0) + 1) % this.#options.partitions;
      this.#in(SLOW_MS + this.#upTo(20), () => look(next));
    };
    const isSlow = this.#options.partitions > 1 && this.#faulty(0.01);
    this.#in(this.#upTo(6), isSlow ? lookTwice : () => look());
  }

  #undo(taken: readonly Stored[]): void {
    const ids = taken.map(({ id }) => id);
    this.#in(this.#upTo(LEASE_MS + DEFAULT_ALLOWANCES.sweepMs), () => {
      this.#released += this.#queue.release(taken, ids);
    });
  }

  #settle(client: string, partition: number, given: readonly Given[], again: () => void): void {
    const luck = this.#draining ? 1 : this.#random.fraction();
    if (luck < 0.1) {
      again();
    } else if (luck < 0.15) {
      // In time, or nearly too late.
      this.#in(LEASE_MS * 0.5 + this.#upTo(LEASE_MS * 0.6), () =>
        this.#extend(client, partition, given, again),
      );
    } else if (luck < 0.2) {
      // Too late, or nearly too late.
      const tooLateMs = LEASE_MS - 20 + this.#upTo(100);
      this.#in(tooLateMs, () => this.#complete(client, partition, given, again));
    } else if (luck < 0.4) {
      const half = Math.ceil(given.length / 2);
      this.#retry(client, partition, given.slice(0, half), () => {
        if (half === given.length) again();
        else this.#complete(client, partition, given.slice(half), again);
      });
    } else {
      this.#complete(client, partition, given, again);
    }
  }

  #extend(client: string, partition: number, given: readonly Given[], again: () => void): void {
    const end = this.#call(client);
    const ids = given.map(({ id }) => id);
    const told = { call: 'extend', partition, ids };
    const isLost = this.#faulty(0.1);
    this.#in(this.#upTo(5), () => {
      if (isLost) {
        this.#in(this.#upTo(200), () => this.#queue.extend(ids, this.#now));
        end('unknown', { ...told, extended: [] });
        this.#settle(client, partition, given, again);
        return;
      }
      const extended = this.#queue.extend(ids, this.#now);
      this.#in(this.#upTo(5), () => {
        end('ok', { ...told, extended });
        const left = given.filter(({ id }) => extended.some((each) => each.id === id));
        if (left.length === 0) again();
        else this.#settle(client, partition, left, again);
      });
    });
  }

  #complete(client: string, partition: number, given: readonly Given[], then: () => void): void {
    const ids = given.map(({ id }) => id);
    this.#settlement(client, { call: 'complete', partition, ids }, () => this.#queue.complete(ids), then);
  }

  #retry(client: string, partition: number, given: readonly Given[], then: () => void): void {
    const ids = given.map(({ id }) => id);
    const delayMs = this.#chance(0.3) ? 200 + this.#upTo(200) : undefined;
    const dead = delayMs === undefined && this.#chance(0.2);
    const due = this.#now + (delayMs ?? 0);
    const told = {
      ...{ call: 'retry', partition, ids },
      ...(delayMs === undefined ? {} : { notBefore: due }),
      ...(dead ? { dead } : {}),
    };
    const apply = () => {
      const items = this.#queue.retry(ids, { scheduled: delayMs !== undefined, dead });
      if (items !== undefined && delayMs !== undefined) {
        for (const stored of items) {
          this.#in(Math.max(0, due - this.#now) + this.#upTo(20), () => {
            if (stored.state === 'scheduled') this.#queue.requeue(stored);
          });
        }
      }
      return items !== undefined;
    };
    this.#settlement(client, told, apply, then);
  }

  #settlement(client: string, told: object, apply: () => boolean, then: () => void): void {
    const end = this.#call(client);
    const isLost = this.#faulty(0.1);
    this.#in(this.#upTo(5), () => {
      // A call with a lost answer takes effect, never does, or does so later.
      const luck = this.#random.fraction();
      if (isLost && luck < 0.3) this.#in(this.#upTo(200), apply);
      const done = isLost && luck < 0.6 ? true : apply();
      this.#in(this.#upTo(5), () => {
        end(isLost ? 'unknown' : done ? 'ok' : 'invalid', told);
        then();
      });
    });
  }

  #clear(): void {
    if (this.#draining) return;
    const end = this.#call('operator');
    const leased = this.#chance(0.5);
    this.#in(this.#upTo(5), () => {
      this.#queue.clear(leased);
      this.#in(this.#upTo(5), () => end('ok', { call: 'clear', leased }));
    });
    this.#in(1_000 + this.#upTo(1_000), () => this.#clear());
  }

  /** A failing statement locks items. */
  #disturb(): void {
    if (this.#draining) return;
    const from = this.#now;
    const taken = this.#queue.lease(10, this.#now);
    const ids = taken.map(({ id }) => id);
    this.#in(this.#upTo(300), () => this.#queue.release(taken, ids));
    this.#in(this.#upTo(100), () =>
      this.#disturbances.push({ what: 'statements fail', from, to: this.#now }),
    );
  }

  #sweep(): void {
    this.#queue.sweep(this.#now);
    this.#letters.sweep(this.#now);
    const at = { asked: this.#now, answered: this.#now };
    this.#releases.push({ instance: 0, process: 1, ...at, released: this.#released });
    this.#in(SWEEP_MS, () => this.#sweep());
  }
}
