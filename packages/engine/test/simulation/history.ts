import type { Instant } from '@querator/core';
import type { Answer, Request } from './request.ts';

/** One item in one partition under one id, as storage holds it. */
export interface Stay {
  /** The name of the item. The producer chose it, and it never changes. */
  readonly name: string;
  readonly id: string;
  readonly state: 'waiting' | 'leased' | 'scheduled' | 'moving';
  readonly attempts: number;
  readonly sourceId: string | undefined;
}

/** What one storage call changed in a partition. */
export interface Effect {
  readonly came: readonly Stay[];
  readonly left: readonly Stay[];
  readonly changed: readonly { readonly before: Stay; readonly after: Stay }[];
  /** Those that came, and those that changed as they are now. */
  readonly now: readonly Stay[];
}

/** How a storage call ended, as its engine saw it. */
export type Ending =
  | 'ok'
  /** Refused because of the request, as for a queue name that is taken. */
  | 'refused'
  | 'not-applied'
  /** The same, because the partition moves. The engine may repeat the call later, without asking anybody. */
  | 'closed'
  | 'unknown';

/** An event of a simulation. */
export type HistoryEvent = { readonly atMs: number } & (
  | {
      readonly type: 'call';
      readonly call: number;
      readonly client: string;
      readonly engine: string;
      readonly request: Request;
    }
  /** The client no longer waits for its answer. */
  | { readonly type: 'leave'; readonly call: number }
  | { readonly type: 'answer'; readonly call: number; readonly answer: Answer }
  /** An engine calls storage. */
  | {
      readonly type: 'sent';
      readonly op: number;
      readonly engine: string;
      readonly place: string;
      readonly name: string;
      readonly args: readonly unknown[];
    }
  /** The call takes effect. */
  | { readonly type: 'effect'; readonly op: number; readonly place: string; readonly effect: Effect }
  /** The call gave leases a new deadline. */
  | {
      readonly type: 'extended';
      readonly op: number;
      readonly place: string;
      readonly leases: readonly { readonly id: string; readonly deadline: Instant }[];
    }
  /** The engine receives the answer. */
  | { readonly type: 'returned'; readonly op: number; readonly ending: Ending; readonly result: unknown }
  | { readonly type: 'crash' | 'stop' | 'sleep' | 'wake'; readonly engine: string }
  /** Settings of a queue, as stored from now on. */
  | {
      readonly type: 'settings';
      readonly queue: string;
      readonly maxAttempts: number;
      readonly deadQueue: string;
      readonly leaseMs: number;
    }
  | { readonly type: 'note'; readonly text: string }
);

export type Of<Type extends HistoryEvent['type']> = Extract<HistoryEvent, { readonly type: Type }>;

type Unstamped<H> = H extends unknown ? Omit<H, 'atMs'> : never;

/** All events, in order. */
export class History {
  readonly all: HistoryEvent[] = [];
  readonly #nowMs: () => number;
  #calls = 0;
  #ops = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  newCall(): number {
    return ++this.#calls;
  }

  newOp(): number {
    return ++this.#ops;
  }

  add(event: Unstamped<HistoryEvent>): void {
    this.all.push({ atMs: this.#nowMs(), ...event } as HistoryEvent);
  }
}
