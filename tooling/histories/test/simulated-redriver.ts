import type { Given, Outcome } from '../src/history/history.ts';
import { lifeOf, type SimulatedLetters, type StoredLetter } from './simulated-letters.ts';

/** What a redriver uses of a simulation. */
export interface RedrivenWorld {
  readonly letters: SimulatedLetters;
  readonly leaseTimeoutMs: number;
  now(): number;
  /** Whether clients should finish. */
  isEnding(): boolean;
  upTo(limit: number): number;
  later(delayMs: number, act: () => void): void;
  /** Starts a call. @returns a function that ends it. */
  call(client: string): (outcome: Outcome, told: object) => void;
  /** Stores a letter in its queue. */
  returned(letter: StoredLetter): void;
}

const CLIENT = 'redriver';
const DEAD = { queue: 'dead' as const };

/** An operator who leases letters, lists them, and lets tasks return or delete them, one call at a time. */
export class SimulatedRedriver {
  readonly #world: RedrivenWorld;

  constructor(world: RedrivenWorld) {
    this.#world = world;
  }

  start(): void {
    const { upTo, later, isEnding } = this.#world;
    if (isEnding()) return;
    later(upTo(80), () => (upTo(1) < 0.3 ? this.#consume() : this.#list()));
  }

  /** Completes the letters that are left, once nothing else happens. */
  drain(): void {
    const { call, letters, now, leaseTimeoutMs } = this.#world;
    letters.sweep(Number.POSITIVE_INFINITY);
    const endLease = call(CLIENT);
    const given = letters.lease(letters.size, now() + leaseTimeoutMs).map(givenOf);
    endLease('ok', { call: 'lease', ...DEAD, limit: 1_000, partition: 0, given });
    const ids = given.map(({ id }) => id);
    call(CLIENT)('ok', { call: 'complete', ...DEAD, partition: 0, ids });
  }

  #list(): void {
    const { upTo, later, call, letters } = this.#world;
    const end = call(CLIENT);
    later(upTo(4), () => {
      const listed = letters.list();
      later(upTo(4), () => {
        end('ok', { call: 'list', letters: listed });
        if (listed.length === 0) this.start();
        else this.#runTask();
      });
    });
  }

  #runTask(): void {
    const { upTo, later, call, letters, now } = this.#world;
    const end = call(CLIENT);
    const isUnknown = upTo(1) < 0.1;
    const kind = upTo(1) < 0.2 ? 'delete' : 'redrive';
    later(upTo(4), () => {
      const lives = new Set(letters.list().map(lifeOf));
      const cancelled = upTo(1) < 0.3 ? now() + upTo(30) : undefined;
      let done = 0;
      const finish = (state: string) =>
        later(upTo(8), () => {
          if (!isUnknown) {
            end('ok', {
              ...{ call: 'task', kind, created, end: { state, done, failed: 0 } },
              ...(cancelled === undefined || cancelled > now() ? {} : { cancelled }),
            });
          }
          this.start();
        });
      const step = () => {
        if (cancelled !== undefined && cancelled <= now()) return finish('cancelled');
        const letter = letters.take(lives);
        if (letter === undefined) return finish('done');
        done++;
        if (kind === 'redrive') this.#world.returned(letter);
        later(upTo(6), step);
      };
      const created = now() + 2;
      if (isUnknown) end('unknown', { call: 'task', kind });
      later(2 + upTo(10), step);
    });
  }

  #consume(): void {
    const { upTo, later, call, letters, now, leaseTimeoutMs } = this.#world;
    const end = call(CLIENT);
    later(upTo(4), () => {
      const taken = letters.lease(3, now() + leaseTimeoutMs);
      const given = taken.map(givenOf);
      later(upTo(4), () => {
        end(given.length > 0 ? 'ok' : 'not-done', {
          ...{ call: 'lease', ...DEAD, limit: 3, partition: 0, given },
        });
        const ids = given.map(({ id }) => id);
        if (ids.length === 0 || upTo(1) < 0.3) this.start();
        else this.#settle(ids, upTo(1) < 0.3 ? 'complete' : 'retry');
      });
    });
  }

  #settle(ids: readonly string[], how: 'complete' | 'retry'): void {
    const { upTo, later, call, letters } = this.#world;
    const end = call(CLIENT);
    later(upTo(4), () => {
      const done = letters[how](ids);
      later(upTo(4), () => {
        end(done ? 'ok' : 'invalid', { call: how, ...DEAD, partition: 0, ids });
        this.start();
      });
    });
  }
}

function givenOf({ item, id, attempts, deadline = 0, firstId, source }: StoredLetter): Given {
  return { item, id, attempts, deadline, details: { firstId, source } };
}
