import fc from 'fast-check';

/**
 * Chooses an id for a command: the `n`th (modulo their number) of the leased, the
 * moving or the present items, or of all ids ever seen.
 */
export interface IdPick {
  readonly of: 'leased' | 'moving' | 'present' | 'ever';
  readonly n: number;
}

/** Milliseconds from now, or undefined. */
type Offset = number | undefined;

/** The items of one dedup key. */
export interface KeyedGroup {
  readonly key: string;
  readonly items: readonly { readonly enqueueIn: Offset }[];
}

/** One step of a random sequence, as plain data for counterexamples. */
export type Command =
  | {
      readonly do: 'produce';
      readonly requests: readonly (readonly { enqueueIn: Offset }[])[];
      readonly expireIn: number;
    }
  | {
      readonly do: 'produceAndLease';
      /** The number of items of each request. */
      readonly requests: readonly number[];
      readonly expireIn: number;
      readonly limit: number;
      readonly leaseFor: number;
    }
  | {
      readonly do: 'produceKeyed';
      readonly requests: readonly (readonly KeyedGroup[])[];
      readonly windowMs: number;
      readonly expireIn: number;
      readonly newKeys: 'store' | 'refuse';
      /** Waiting consumers. Not with schedules. */
      readonly lease?: { readonly limit: number; readonly leaseFor: number } | undefined;
    }
  | { readonly do: 'sweepKeys'; readonly limit: number }
  | { readonly do: 'lease'; readonly limit: number; readonly leaseFor: number }
  | { readonly do: 'release'; readonly ids: readonly IdPick[] }
  | { readonly do: 'complete'; readonly requests: readonly (readonly IdPick[])[] }
  | {
      readonly do: 'extend';
      readonly ids: readonly IdPick[];
      readonly leaseFor: number;
      readonly maxHold: Offset;
    }
  | {
      readonly do: 'retry';
      readonly requests: readonly (readonly { id: IdPick; retryIn: Offset; dead: boolean }[])[];
      readonly maxAttempts: number;
      readonly dead: 'move' | 'delete';
    }
  | {
      readonly do: 'page';
      readonly state: 'queued' | 'scheduled';
      readonly pivot: IdPick;
      readonly limit: number;
    }
  | {
      readonly do: 'import';
      readonly items: readonly {
        sourceId: string | undefined;
        leaseFor: Offset;
        enqueueIn: Offset;
        expireIn: Offset;
        attempts: number;
      }[];
    }
  | { readonly do: 'delete'; readonly ids: readonly IdPick[] }
  | { readonly do: 'clear'; readonly waiting: boolean; readonly leased: boolean; readonly scheduled: boolean }
  | {
      readonly do: 'sweep';
      readonly limit: number;
      readonly maxAttempts: number;
      readonly dead: 'move' | 'delete';
      readonly claimFor: number;
    }
  | { readonly do: 'markMoved'; readonly ids: readonly IdPick[] }
  | { readonly do: 'remove'; readonly ids: readonly IdPick[] }
  | {
      readonly do: 'prepareLetters';
      readonly sourceIds: readonly string[];
      readonly expireIn: number;
      readonly autoCommitIn: number;
    }
  | { readonly do: 'commitLetters'; readonly sourceIds: readonly string[] }
  | { readonly do: 'abortLetters'; readonly sourceIds: readonly string[] }
  | { readonly do: 'advance'; readonly by: number };

/** Few different times, so that deadlines often coincide; 100 ms is the schedule threshold. */
const span = fc.constantFrom(1, 99, 100, 101, 500, 1_000, 2_000, 5_000, 10_000);
const offset = fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary: span });
const pickMostly = (of: IdPick['of']): fc.Arbitrary<IdPick> =>
  fc.record({
    of: fc.oneof(
      { weight: 6, arbitrary: fc.constant(of) },
      { weight: 2, arbitrary: fc.constant('present' as const) },
      { weight: 1, arbitrary: fc.constant('ever' as const) },
    ),
    n: fc.nat(9),
  });
const pick = pickMostly('leased');
const picks = fc.array(pick, { maxLength: 3 });
const deadPicks = fc.array(pickMostly('moving'), { maxLength: 3 });
/** Few source ids, so that letters and imported items often conflict. */
const SOURCE_IDS = ['s1', 's2', 's3'] as const;
const sourceIds = fc.array(fc.constantFrom(...SOURCE_IDS), { maxLength: 4 });
/** Mostly `move`: a moving item can be marked, removed and reported again, a deleted one cannot. */
const dead = fc.constantFrom('move' as const, 'move' as const, 'move' as const, 'delete' as const);
const maxAttempts = fc.constantFrom(0, 1, 2, 3);
const requestsOf = <T>(item: fc.Arbitrary<T>) =>
  fc.array(fc.array(item, { maxLength: 3 }), { minLength: 1, maxLength: 3 });

const produce = fc.record({
  do: fc.constant('produce' as const),
  requests: requestsOf(fc.record({ enqueueIn: offset })),
  expireIn: fc.constantFrom(1_000, 5_000, 60_000),
});
const produceAndLease = fc.record({
  do: fc.constant('produceAndLease' as const),
  requests: fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
  expireIn: fc.constantFrom(1_000, 5_000, 60_000),
  limit: fc.integer({ min: 1, max: 5 }),
  leaseFor: span,
});
/** Few keys and short windows, so that keys are repeated before and after their ends. */
const keyedGroup = fc.record({
  key: fc.constantFrom('k1', 'k2', 'k3', 'k4'),
  items: fc.array(fc.record({ enqueueIn: offset }), { minLength: 1, maxLength: 3 }),
});
const keyedRequests = (group: fc.Arbitrary<KeyedGroup>) =>
  fc.array(fc.array(group, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });
const keyedProduce = {
  do: fc.constant('produceKeyed' as const),
  windowMs: span,
  expireIn: fc.constantFrom(1_000, 5_000, 60_000),
  newKeys: fc.constantFrom('store' as const, 'store' as const, 'store' as const, 'refuse' as const),
};
const produceKeyed = fc.record({ ...keyedProduce, requests: keyedRequests(keyedGroup) });
const produceKeyedAndLease = fc.record({
  ...keyedProduce,
  requests: keyedRequests(
    keyedGroup.map(({ key, items }) => ({ key, items: items.map(() => ({ enqueueIn: undefined })) })),
  ),
  lease: fc.record({ limit: fc.integer({ min: 1, max: 5 }), leaseFor: span }),
});
const sweepKeys = fc.record({ do: fc.constant('sweepKeys' as const), limit: fc.integer({ min: 1, max: 4 }) });
const lease = fc.record({
  do: fc.constant('lease' as const),
  limit: fc.integer({ min: 1, max: 5 }),
  leaseFor: span,
});
const retry = fc.record({
  do: fc.constant('retry' as const),
  requests: requestsOf(
    fc.record({
      id: pick,
      retryIn: offset,
      dead: fc.boolean(),
    }),
  ),
  maxAttempts,
  dead,
});
const imported = fc.record({
  do: fc.constant('import' as const),
  items: fc.array(
    fc.record({
      sourceId: fc.constantFrom(undefined, ...SOURCE_IDS),
      leaseFor: offset,
      enqueueIn: offset,
      expireIn: offset,
      attempts: fc.nat(3),
    }),
    { maxLength: 3 },
  ),
});
const prepareLetters = fc.record({
  do: fc.constant('prepareLetters' as const),
  sourceIds,
  expireIn: fc.constantFrom(1_000, 5_000, 60_000),
  autoCommitIn: span,
});
const sweep = fc.record({
  do: fc.constant('sweep' as const),
  limit: fc.integer({ min: 1, max: 4 }),
  maxAttempts,
  dead,
  claimFor: fc.constantFrom(500, 2_000),
});

/** Any command, common ones more often, so that sequences reach interesting states. */
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: produce },
  { weight: 3, arbitrary: produceAndLease },
  { weight: 4, arbitrary: produceKeyed },
  { weight: 3, arbitrary: produceKeyedAndLease },
  { weight: 1, arbitrary: sweepKeys },
  { weight: 6, arbitrary: lease },
  { weight: 5, arbitrary: sweep },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('advance' as const), by: span }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('complete' as const), requests: requestsOf(pick) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('extend' as const), ids: picks, leaseFor: span, maxHold: offset }),
  },
  { weight: 5, arbitrary: retry },
  { weight: 2, arbitrary: imported },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), ids: picks }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), ids: picks }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('markMoved' as const), ids: deadPicks }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), ids: deadPicks }) },
  { weight: 3, arbitrary: prepareLetters },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('commitLetters' as const), sourceIds }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abortLetters' as const), sourceIds }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('page' as const),
      state: fc.constantFrom('queued' as const, 'scheduled' as const),
      pivot: pick,
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clear' as const),
      waiting: fc.boolean(),
      leased: fc.boolean(),
      scheduled: fc.boolean(),
    }),
  },
);

/** An item dies and is marked as moved. Random commands alone do this too rarely. */
const DEATH: readonly Command[] = [
  { do: 'produce', requests: [[{ enqueueIn: undefined }]], expireIn: 60_000 },
  { do: 'lease', limit: 5, leaseFor: 2_000 },
  {
    do: 'retry',
    requests: [[{ id: { of: 'leased', n: 0 }, retryIn: undefined, dead: true }]],
    maxAttempts: 0,
    dead: 'move',
  },
  { do: 'markMoved', ids: [{ of: 'moving', n: 0 }] },
];

/** Sequences of about 40 commands at most. */
export const commands: fc.Arbitrary<Command[]> = fc
  .array(
    fc.oneof(
      { weight: 25, arbitrary: command.map((one) => [one]) },
      { weight: 1, arbitrary: fc.constant(DEATH) },
    ),
    { maxLength: 36, size: 'max' },
  )
  .map((parts) => parts.flat());
