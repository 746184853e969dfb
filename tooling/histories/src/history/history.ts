/**
 * The outcome of a call, as its caller knows it.
 *
 * - `ok`: acknowledged.
 * - `invalid`: refused because it contradicts the stored state. It had no effect.
 * - `not-done`: refused for another reason, such as no items in time. It had no
 *   effect.
 * - `unknown`: no answer, or one that leaves the outcome open. It may have an
 *   effect, even later.
 */
export type Outcome = 'ok' | 'invalid' | 'not-done' | 'unknown';

interface Call {
  /** Unique in its history, and kept when the history is reduced. */
  readonly number: number;
  /** The caller. A client makes one call at a time. */
  readonly client: string;
  /** The number of the called server. -1: the database of the caller. */
  readonly instance: number;
  /** The start of the call, in milliseconds since the history began. */
  readonly invoked: number;
  /** The time of its answer, or of its timeout. */
  readonly returned: number;
  readonly outcome: Outcome;
  /** The error text, unless the outcome is `ok`. */
  readonly error?: string | undefined;
}

/** What a produce with a dedup key is told. */
export interface KeyedAnswer {
  /** The ids that the items got when they were stored. */
  readonly ids: readonly string[];
  /** Whether an earlier request with the key stored them. */
  readonly duplicate: boolean;
}

/** Adds items. Their names are unique in the history, but for requests with the same key. */
export interface Produce extends Call {
  readonly call: 'produce';
  /**
   * A transaction of the caller wrote the items into an outbox, in this order. A server moves
   * them to the queue after the commit. `not-done`: it was rolled back.
   */
  readonly outbox?: true | undefined;
  readonly items: readonly string[];
  /** Whether the items have their names as metadata, see {@link NAME_KEY}. */
  readonly named?: true | undefined;
  /** The dedup key. Requests with the same key have the same items, and store them once. */
  readonly key?: string | undefined;
  /** Set if there is a key, and the request was acknowledged. */
  readonly told?: KeyedAnswer | undefined;
  /** The schedule: no delivery may come before. */
  readonly notBefore?: number | undefined;
}

/** Where an item died that is a dead letter, or was one. */
export interface Source {
  readonly queue: string;
  readonly partition: number;
  /** Its id then. */
  readonly id: string;
  /** How often it had been leased in all. */
  readonly attempts: number;
  readonly reason: string;
}

/** What a lease tells about an item if it asks for more than its content. */
export interface Details {
  readonly firstId: string;
  /** The value of the metadata {@link NAME_KEY}. */
  readonly name?: string | undefined;
  readonly source?: Source | undefined;
}

/** The metadata of items that have some: their names. */
export const NAME_KEY = 'name';

/** A delivered item. */
export interface Given {
  readonly item: string;
  readonly id: string;
  readonly attempts: number;
  /** The announced end of the lease, on the clock of the history. */
  readonly deadline: number;
  /** Undefined: not asked for. */
  readonly details?: Details | undefined;
}

/** The queue of a call. Undefined: the one that producers fill; `dead`: its dead-letter queue. */
export type QueueOfCall = 'dead' | undefined;

/** Leases items, all from one partition; they are in the order of the answer. */
export interface Lease extends Call {
  readonly call: 'lease';
  readonly queue?: QueueOfCall;
  readonly limit: number;
  /** Set if there are items. */
  readonly partition?: number | undefined;
  readonly given: readonly Given[];
}

/** Settles leased items, all or none. */
export interface Settlement extends Call {
  readonly call: 'complete' | 'retry';
  readonly queue?: QueueOfCall;
  readonly partition: number;
  readonly ids: readonly string[];
  /** Retry: not before that moment. */
  readonly notBefore?: number | undefined;
  /** Retry: the items are dead. Without a dead-letter queue they are gone. */
  readonly dead?: boolean | undefined;
}

/** An item with a new lease deadline. */
export interface Extended {
  readonly id: string;
  /** The announced end of the lease, on the clock of the history. */
  readonly deadline: number;
}

/** Extends the leases of items by the lease timeout of the queue, each by itself. */
export interface Extension extends Call {
  readonly call: 'extend';
  readonly queue?: QueueOfCall;
  readonly partition: number;
  readonly ids: readonly string[];
  /** The items whose leases were extended. If the outcome is `ok`, the other leases were lost. */
  readonly extended: readonly Extended[];
}

/** Removes waiting items, and with `leased` also leased ones, from all partitions. */
export interface Clear extends Call {
  readonly call: 'clear';
  readonly leased: boolean;
}

/** A dead letter. */
export interface Letter {
  readonly item: string;
  readonly id: string;
  readonly source?: Source | undefined;
}

/** Lists the waiting items of a partition of the dead-letter queue, in their order. */
export interface List extends Call {
  readonly call: 'list';
  readonly letters: readonly Letter[];
}

/** What a task does with the dead letters: returns them to their queue, or deletes them. */
export type LetterTaskKind = 'redrive' | 'delete';

/** Creates a task that takes all dead letters, and follows it to its end. */
export interface LetterTask extends Call {
  readonly call: 'task';
  readonly kind: LetterTaskKind;
  /** When its creation was answered. Undefined: it was not. */
  readonly created?: number | undefined;
  /** When its cancellation was requested. */
  readonly cancelled?: number | undefined;
  /** The end of the task, if the outcome is `ok`. */
  readonly end?: TaskEnd | undefined;
}

/** Creates a task that moves a partition to another storage, and follows it to its end. */
export interface PartitionMove extends Call {
  readonly call: 'move';
  /** The name of its queue. */
  readonly of: string;
  readonly partition: number;
  /** The storage that it moves to. */
  readonly to: string;
  /** When its creation was answered. Undefined: it was not. */
  readonly created?: number | undefined;
  /** When its cancellation was requested. */
  readonly cancelled?: number | undefined;
  /** The end of the task, if the outcome is `ok`. */
  readonly end?: TaskEnd | undefined;
}

/** How a task ended, and how many items it handled. */
export interface TaskEnd {
  readonly state: string;
  readonly done: number;
  readonly failed: number;
}

export type Operation = Produce | Lease | Settlement | Extension | Clear | List | LetterTask | PartitionMove;

/** A time in which servers, their database or the connections between them were disturbed. */
export interface Disturbance {
  readonly what: string;
  readonly from: number;
  /** The end of the disturbance. */
  readonly to: number;
}

/** A server's count of items that it leased for departed consumers and put back. */
export interface ReleaseCount {
  readonly instance: number;
  /** The number of its process. Each process counts from 0. */
  readonly process: number;
  readonly asked: number;
  readonly answered: number;
  readonly released: number;
}

/** What became of the times of a schedule, all of which had passed when it began. */
export interface Firings {
  readonly schedule: string;
  /** Which of its times are fired. */
  readonly policy: 'skip' | 'one' | 'all';
  readonly times: number;
  /** What the schedule counts. */
  readonly fired: number;
  readonly missed: number;
  /** Its items that are stored. */
  readonly stored: number;
}

/** Items that tasks have moved from one queue to another and back, all together. */
export interface MovedItems {
  /** In order of their produces. */
  readonly produced: readonly string[];
  /** What the queues hold at the end, in their order. */
  readonly stored: readonly string[];
  /** The tasks that have ended as done, and the ends of all others. */
  readonly moves: number;
  readonly otherEnds: readonly TaskEnd[];
}

/** Everything that the clients of one queue saw, and the disturbances. */
export interface History {
  readonly version: 1;
  /** The origin for the output: a seed, a variant of the engine. */
  readonly origin: string;
  readonly partitions: number;
  readonly leaseTimeoutMs: number;
  /** How often an item may be leased until it goes to the dead-letter queue. Undefined: there is none. */
  readonly maxAttempts?: number | undefined;
  /** Whether everything was leased and settled at the end, until the queue was empty. */
  readonly drained: boolean;
  /** The reason for an early end of the run. */
  readonly brokenOff?: string | undefined;
  readonly disturbances: readonly Disturbance[];
  /** Undefined: there were no schedules, or they have not come to their ends. */
  readonly firings?: readonly Firings[] | undefined;
  /** Undefined: no task moved items, or the tasks have not ended. */
  readonly movedItems?: MovedItems | undefined;
  /** In order of time. Undefined: not requested. */
  readonly releases?: readonly ReleaseCount[] | undefined;
  readonly operations: readonly Operation[];
}
