import type { CancelTimer, Clock, Instant } from '@querator/core';
import type { ToThread } from '../thread/thread-messages.ts';
import { LeaseTable } from './lease-table.ts';

type Begin = Extract<ToThread, { kind: 'begin' }>;
type Look = Extract<ToThread, { kind: 'look' }>;

/** The messages of a loop that count. */
interface WatchedLoop {
  /** With its present table. */
  begin: Begin;
  look: Look | undefined;
  table: LeaseTable;
}

/** Dependencies of {@link LeaseWatch}. */
export interface LeaseWatchDeps {
  /** The clock of the times in the tables. */
  readonly clock: Clock;
  /** Called once: leases have to be renewed soon. */
  readonly onDue: () => void;
}

/** A lease that has to be renewed within this time is due, in microseconds. */
const SOON_US = 15_000_000n;
/** How long before the first renewal the tables are looked at again, in microseconds: at most `SOON_US`. */
const LOOK_BEFORE_US = 10_000_000n;

/**
 * Watches the leases of a thread's tables until the first has to be renewed soon.
 *
 * What renews them takes 0.1 s of a processor to load, and 16 MB. A worker with long
 * leases and short handlers never needs it. The client's modules are not imported here.
 */
export class LeaseWatch {
  readonly #deps: LeaseWatchDeps;
  readonly #loops = new Map<number, WatchedLoop>();
  #cancelTimer: CancelTimer | undefined;
  #isDue = false;

  constructor(deps: LeaseWatchDeps) {
    this.#deps = deps;
  }

  /** Takes a message of the parent. */
  hear(message: ToThread): void {
    switch (message.kind) {
      case 'begin':
        this.#loops.set(message.loop, {
          ...{ begin: message, look: undefined, table: new LeaseTable(message.table) },
        });
        break;
      case 'look':
        this.#hearLook(message);
        break;
      case 'end':
        this.#loops.delete(message.loop);
        break;
      case 'load':
        this.#due();
    }
    this.#look();
  }

  /** The messages that say the same as all so far. */
  heard(): readonly ToThread[] {
    return [...this.#loops.values()].flatMap(({ begin, look }) =>
      look === undefined ? [begin] : [begin, look],
    );
  }

  #hearLook(message: Look): void {
    const loop = this.#loops.get(message.loop);
    if (loop === undefined) return;
    const { table } = message;
    loop.look = { ...message, table: undefined };
    if (table === undefined) return;
    loop.begin = { ...loop.begin, table };
    loop.table = new LeaseTable(table);
  }

  /** Reads all tables, and says in them when it reads them again. */
  #look(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#isDue) return;
    let first: Instant | undefined;
    for (const { table } of this.#loops.values()) {
      // What is written while it reads may be missed, so its writer must tell.
      table.nextLook = undefined;
      for (const { renewAt } of table.found()) if (first === undefined || renewAt < first) first = renewAt;
    }
    if (first === undefined) return;
    const now = this.#deps.clock.now();
    if (first - now < SOON_US) {
      this.#due();
      return;
    }
    const next = (first - LOOK_BEFORE_US) as Instant;
    for (const { table } of this.#loops.values()) table.nextLook = next;
    this.#cancelTimer = this.#deps.clock.startTimer(Number((next - now) / 1_000n), () => this.#look());
  }

  /** From now on writers must tell of each lease. */
  #due(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    for (const { table } of this.#loops.values()) table.nextLook = undefined;
    this.#deps.onDue();
  }
}
