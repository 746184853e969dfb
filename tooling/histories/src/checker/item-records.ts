import type { Extension, Given, History, Lease, Produce, Settlement } from '../history/history.ts';
import type { Allowances } from './allowances.ts';
import { inOrderOfLives } from './lives.ts';

/** One item of one lease's answer. */
export interface Delivery extends Given {
  readonly lease: Lease;
  readonly partition: number;
  /** Its position in the answer. */
  readonly position: number;
  /** How often the item was leased in the lives before, see `lives.ts`. */
  readonly base: number;
}

/** Everything in a history about one item. */
export interface ItemRecord {
  readonly item: string;
  /** Undefined: the item was never produced. Requests with the same dedup key are one, see {@link asOne}. */
  readonly produce: Produce | undefined;
  /** In the order of its lives and of attempts. */
  readonly deliveries: readonly Delivery[];
}

/** A history by items. */
export interface ItemRecords {
  readonly history: History;
  readonly all: readonly ItemRecord[];
  readonly of: (item: string) => ItemRecord | undefined;
  /** The settlements of a leased item under this id, in order of time. */
  readonly settlementsOf: (id: string) => readonly Settlement[];
  /** The acknowledged extensions of a lease of the item under this id, in order of time. */
  readonly extensionsOf: (id: string) => readonly Extension[];
  /** The first delivery under this id. */
  readonly deliveryOf: (id: string) => Delivery | undefined;
}

/** Whether a call may have taken effect. */
export function mayHaveHappened({ outcome }: { readonly outcome: string }): boolean {
  return outcome === 'ok' || outcome === 'unknown';
}

/** Whether a settlement removes its items for ever. */
export function isFinal({ maxAttempts }: History, { call, dead }: Settlement): boolean {
  return call === 'complete' || (dead === true && maxAttempts === undefined);
}

/**
 * The announced end of a delivery's lease, by its answer and by the extensions that were
 * acknowledged until a time. No extension makes a lease shorter.
 */
export function deadlineOf(
  { extensionsOf }: Pick<ItemRecords, 'extensionsOf'>,
  { id, deadline }: Delivery,
  until = Number.POSITIVE_INFINITY,
): number {
  const later = extensionsOf(id)
    .filter(({ returned }) => returned <= until)
    .flatMap(({ extended }) => extended.filter((each) => each.id === id));
  return Math.max(deadline, ...later.map((each) => each.deadline));
}

/** Whether a consumer may have leased a dead letter in a time. Then it may have lost its place. */
export function wasLetterLeased(
  { operations, leaseTimeoutMs }: History,
  { item, since, until }: { readonly item: string; readonly since: number; readonly until: number },
  { sweepMs }: Pick<Allowances, 'sweepMs'>,
): boolean {
  return operations.some((each) => {
    if (each.call !== 'lease' || each.queue !== 'dead' || each.invoked > until) return false;
    if (each.returned < since - leaseTimeoutMs - sweepMs || !mayHaveHappened(each)) return false;
    return (
      each.outcome === 'unknown' || (each.returned > since && each.given.some((given) => given.item === item))
    );
  });
}

/** Groups a history by items. */
export function recordsOf(history: History): ItemRecords {
  const records = new Map<string, { item: string; produce: Produce | undefined; deliveries: Delivery[] }>();
  const settlements = new Map<string, Settlement[]>();
  const extensions = new Map<string, Extension[]>();
  const deliveries = new Map<string, Delivery>();
  const produceOf = producesOf(history);
  const recordOf = (item: string) => {
    const record = records.get(item) ?? { item, produce: undefined, deliveries: [] };
    records.set(item, record);
    return record;
  };
  for (const operation of history.operations) {
    switch (operation.call) {
      case 'produce':
        for (const item of operation.items) recordOf(item).produce ??= produceOf(operation);
        break;
      case 'lease':
        for (const [position, given] of operation.given.entries()) {
          const base = given.details?.source?.attempts ?? 0;
          const delivery = {
            ...given,
            lease: operation,
            partition: operation.partition ?? 0,
            position,
            base,
          };
          recordOf(given.item).deliveries.push(delivery);
          if (!deliveries.has(given.id)) deliveries.set(given.id, delivery);
        }
        break;
      case 'complete':
      case 'retry':
        for (const id of operation.ids) settlements.set(id, [...(settlements.get(id) ?? []), operation]);
        break;
      case 'extend':
        for (const { id } of operation.extended)
          extensions.set(id, [...(extensions.get(id) ?? []), operation]);
        break;
      case 'clear':
      case 'list':
      case 'task':
      case 'move':
        break;
    }
  }
  for (const record of records.values()) {
    record.deliveries.sort(inOrderOfLives);
  }
  for (const list of [...settlements.values(), ...extensions.values()])
    list.sort((a, b) => a.invoked - b.invoked);
  return {
    history,
    all: [...records.values()],
    of: (item) => records.get(item),
    settlementsOf: (id) => settlements.get(id) ?? [],
    extensionsOf: (id) => extensions.get(id) ?? [],
    deliveryOf: (id) => deliveries.get(id),
  };
}

/** For each request, the produce that it is, or of which it is an attempt. */
function producesOf(history: History): (request: Produce) => Produce {
  const requests = history.operations.filter((operation) => operation.call === 'produce');
  const groups = Map.groupBy(requests, ({ key }) => key);
  groups.delete(undefined);
  const keyed = new Map([...groups].map(([key, attempts]) => [key, asOne(attempts)]));
  return (request) => keyed.get(request.key) ?? request;
}

/**
 * The requests with one dedup key as one produce. Its items may have been stored from
 * the first request on. They were stored when one was acknowledged, as it or as a
 * duplicate.
 */
function asOne(attempts: readonly Produce[]): Produce {
  const [first] = attempts as readonly [Produce];
  const done = attempts.filter(({ outcome }) => outcome === 'ok');
  const acknowledged = done.toSorted((a, b) => a.returned - b.returned)[0];
  const open = attempts.find(({ outcome }) => outcome === 'unknown');
  const outcome = (acknowledged ?? open ?? first).outcome;
  return {
    ...first,
    outcome,
    error: outcome === 'ok' ? undefined : (open ?? first).error,
    returned: (acknowledged ?? first).returned,
    items: [...new Set(attempts.flatMap(({ items }) => items))],
  };
}
