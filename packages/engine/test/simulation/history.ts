import type { Answer, Request } from './request.ts';

/** One item in one partition, under one id, as storage has it. */
export interface Stay {
  /** Of the item; the producer gave it, and it never changes. */
  readonly name: string;
  readonly id: string;
  readonly state: 'waiting' | 'leased' | 'scheduled' | 'moving';
  readonly attempts: number;
  readonly sourceId: string | undefined;
}

/** What one storage call did to a partition. */
export interface Effect {
  readonly came: readonly Stay[];
  readonly left: readonly Stay[];
  readonly changed: readonly { readonly before: Stay; readonly after: Stay }[];
}

/** How a storage call ended for the engine that made it. */
export type Ending =
  | 'ok'
  /** Refused for what it asked, as where a queue's name is taken. */
  | 'refused'
  | 'not-applied'
  | 'unknown';

/** Something that happened in a simulated world. */
export type Happening = { readonly atMs: number } & (
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
  /** The engine is told. */
  | { readonly type: 'returned'; readonly op: number; readonly ending: Ending; readonly result: unknown }
  | { readonly type: 'crash' | 'stop' | 'sleep' | 'wake'; readonly engine: string }
  /** Settings of a queue as they are stored from now on. */
  | {
      readonly type: 'settings';
      readonly queue: string;
      readonly maxAttempts: number;
      readonly deadQueue: string;
      readonly leaseMs: number;
    }
  | { readonly type: 'world'; readonly text: string }
);

export type Of<Type extends Happening['type']> = Extract<Happening, { readonly type: Type }>;

type Unstamped<H> = H extends unknown ? Omit<H, 'atMs'> : never;

/** Everything that happened, in order. */
export class History {
  readonly all: Happening[] = [];
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

  add(happening: Unstamped<Happening>): void {
    this.all.push({ atMs: this.#nowMs(), ...happening } as Happening);
  }
}
