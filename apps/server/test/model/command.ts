import fc from 'fast-check';
import { QUEUE_NAMES, type QueueName } from './rules/queue-rules.ts';

/**
 * Chooses an id: the `n`th, modulo their number, of the queue's items in a state
 * or of all ids so far, or an id that never existed.
 */
export interface IdPick {
  readonly of: 'leased' | 'waiting' | 'scheduled' | 'ever' | 'never';
  readonly n: number;
}

/** One step of a random sequence, as plain data. Times are milliseconds from now. */
export type Command =
  | {
      readonly do: 'produce';
      readonly queue: QueueName;
      /** The requests that are sent at once, and for each of their items the time to enqueue it. */
      readonly requests: readonly (readonly (number | null)[])[];
    }
  | {
      readonly do: 'lease';
      readonly queue: QueueName;
      readonly size: number;
      readonly wait: number;
      /** The consumer leaves after this many turns of the event loop. */
      readonly leaveAfter: number | null;
    }
  | { readonly do: 'leaseAgain'; readonly queue: QueueName }
  | {
      readonly do: 'complete';
      readonly queue: QueueName;
      readonly requests: readonly (readonly IdPick[])[];
    }
  | {
      readonly do: 'retry';
      readonly queue: QueueName;
      readonly requests: readonly (readonly RetryPick[])[];
    }
  | { readonly do: 'advance'; readonly by: number }
  | { readonly do: 'update'; readonly queue: QueueName; readonly change: UpdateChoice }
  | {
      readonly do: 'clear';
      readonly queue: QueueName;
      readonly areas: { readonly queue: boolean; readonly scheduled: boolean; readonly destructive: boolean };
    }
  | {
      readonly do: 'import';
      readonly queue: QueueName;
      readonly partition: number;
      readonly items: readonly ImportChoice[];
    }
  | { readonly do: 'delete'; readonly queue: QueueName; readonly ids: readonly IdPick[] }
  | {
      readonly do: 'page';
      readonly queue: QueueName;
      readonly list: 'items' | 'scheduled';
      readonly pivot: IdPick;
      readonly limit: number;
    }
  | { readonly do: 'reload'; readonly queue: QueueName }
  | { readonly do: 'restart'; readonly downFor: number }
  | { readonly do: 'recreate'; readonly queue: QueueName };

export interface RetryPick {
  readonly id: IdPick;
  readonly in: number | null;
  readonly dead: boolean;
}

export interface UpdateChoice {
  readonly leaseTimeout: number | null;
  readonly expireTimeout: number | null;
  readonly maxAttempts: number;
  readonly deadQueue: 'none' | 'other' | 'itself';
}

export interface ImportChoice {
  /** A text, or an id that once existed. */
  readonly source: string | IdPick | null;
  /** Null: not leased. */
  readonly leaseFor: number | null;
  readonly enqueueIn: number | null;
  /** Null: the queue's own setting. */
  readonly expireIn: number | null;
  readonly attempts: number;
}

// Few different times, so that deadlines coincide. Times of different kinds differ by more than the service needs to
// act: the order of two events must not depend on its speed.
const span = fc.constantFrom(50, 100, 500, 1_000, 2_000, 5_000);
const enqueueIn = fc.constantFrom(50, 99, 100, 101, 500, 1_000, 5_000);
const wait = fc.constantFrom(40, 990, 2_990);
const importExpireIn = fc.constantFrom(-15, 515, 2_015, 60_015);
const past = fc.constantFrom(-1_000, -50);

const or = <T>(weight: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 10 - weight, arbitrary: fc.constant(null) }, { weight, arbitrary });
const queue = fc.oneof(
  { weight: 4, arbitrary: fc.constant<QueueName>(QUEUE_NAMES[0]) },
  { weight: 1, arbitrary: fc.constant<QueueName>(QUEUE_NAMES[1]) },
);
const pickOf = (...of: IdPick['of'][]) => fc.record({ of: fc.constantFrom(...of), n: fc.nat(5) });
/** Usually a valid id, so that requests succeed. */
const heldPick = fc.oneof(
  { weight: 8, arbitrary: pickOf('leased') },
  { weight: 1, arbitrary: pickOf('waiting', 'scheduled', 'ever', 'never') },
);
const anyPick = pickOf('leased', 'waiting', 'scheduled', 'ever', 'never');
const requestsOf = <T>(item: fc.Arbitrary<T>) =>
  fc.array(fc.array(item, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 });
const is = <T extends Command['do']>(name: T) => fc.constant(name);

const update = fc.record({
  leaseTimeout: or(5, fc.constantFrom(500, 1_000, 5_000)),
  expireTimeout: or(5, fc.constantFrom(1_025, 5_025, 60_025)),
  maxAttempts: fc.constantFrom(0, 1, 2, 3),
  deadQueue: fc.constantFrom('other' as const, 'other' as const, 'none' as const, 'itself' as const),
});
const imported: fc.Arbitrary<ImportChoice> = fc
  .record({
    source: or(6, fc.oneof(fc.constantFrom<string | IdPick>('s1', 's2'), pickOf('leased', 'ever'))),
    leaseFor: or(4, fc.oneof({ weight: 3, arbitrary: span }, { weight: 1, arbitrary: past })),
    enqueueIn: or(3, fc.oneof({ weight: 3, arbitrary: span }, { weight: 1, arbitrary: past })),
    expireIn: or(5, importExpireIn),
    attempts: fc.nat(3),
  })
  .map((choice) => (typeof choice.source === 'object' ? lasting(choice) : choice));

/**
 * An imported item may name another item as its source, and then keeps out the dead letter of that item. It
 * outlives the sequence: otherwise both could end at the same moment, and no rule gives their order.
 */
function lasting(choice: ImportChoice): ImportChoice {
  if (choice.source === null) return choice;
  return { ...choice, leaseFor: null, expireIn: 600_015 };
}
const retried: fc.Arbitrary<RetryPick> = fc.record({
  id: heldPick,
  in: or(4, fc.oneof({ weight: 4, arbitrary: enqueueIn }, { weight: 1, arbitrary: past })),
  dead: fc.constantFrom(false, false, false, true),
});

/** Any command. Common ones are more frequent, so that sequences make progress. */
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: is('produce'), queue, requests: requestsOf(or(3, enqueueIn)) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: is('lease'),
      queue,
      size: fc.integer({ min: 1, max: 4 }),
      wait,
      leaveAfter: or(1, fc.nat(5)),
    }),
  },
  { weight: 12, arbitrary: fc.record({ do: is('advance'), by: span }) },
  { weight: 7, arbitrary: fc.record({ do: is('complete'), queue, requests: requestsOf(heldPick) }) },
  { weight: 9, arbitrary: fc.record({ do: is('retry'), queue, requests: requestsOf(retried) }) },
  { weight: 4, arbitrary: fc.record({ do: is('update'), queue, change: update }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: is('import'),
      queue: fc.constantFrom(...QUEUE_NAMES),
      partition: fc.nat(2),
      items: fc.array(imported, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: is('page'),
      queue,
      list: fc.constantFrom('items' as const, 'scheduled' as const),
      pivot: anyPick,
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: is('delete'),
      queue,
      ids: fc.array(anyPick, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: is('clear'),
      queue,
      areas: fc.record({ queue: fc.boolean(), scheduled: fc.boolean(), destructive: fc.boolean() }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: is('leaseAgain'), queue }) },
  { weight: 1, arbitrary: fc.record({ do: is('reload'), queue }) },
  { weight: 2, arbitrary: fc.record({ do: is('restart'), downFor: fc.constantFrom(0, 100, 1_000, 5_000) }) },
  { weight: 1, arbitrary: fc.record({ do: is('recreate'), queue }) },
);

/** Sequences of up to sixteen commands. */
export const commands: fc.Arbitrary<Command[]> = fc.array(command, { maxLength: 16, size: 'max' });
