import type { Details, Operation } from '../../history/history.ts';
import { type Delivery, type ItemRecord, type ItemRecords, mayHaveHappened } from '../item-records.ts';
import { attemptsInAll, isSameLife, unseenLeases } from '../lives.ts';
import type { Violation } from '../violation.ts';

/**
 * What is kept with an item stays with it in all its lives, and a dead letter knows where it
 * came from: its queue, its partition, and the call or the number of attempts that ended its life.
 */
export function letters(records: ItemRecords): readonly Violation[] {
  const { maxAttempts } = records.history;
  if (maxAttempts === undefined) return [];
  return records.all.flatMap((record) =>
    record.deliveries.flatMap((delivery, n) => {
      const before = record.deliveries[n - 1];
      const fault =
        faultOfDetails(record, delivery) ?? faultOfDeath(records, { before, delivery, maxAttempts });
      if (fault === undefined) return [];
      const { text, by = [] } = typeof fault === 'string' ? { text: fault } : fault;
      const leases = [...(before === undefined ? [] : [before.lease]), delivery.lease];
      const produced = record.produce === undefined ? [] : [record.produce];
      const operations = [...new Set([...produced, ...leases, ...by])];
      return [{ rule: 'letters' as const, items: [record.item], operations, text: `${record.item} ${text}` }];
    }),
  );
}

type Fault = string | { readonly text: string; readonly by?: readonly Operation[] };

function faultOfDetails({ item, produce, deliveries }: ItemRecord, delivery: Delivery): Fault | undefined {
  const { details, base, attempts, id } = delivery;
  if (details === undefined) return undefined;
  // A scheduled item gets another id when it becomes available.
  const isFirst = (each: Delivery) => each.base + each.attempts === 1 && produce?.notBefore === undefined;
  const first = told(produce, item) ?? deliveries.find(isFirst)?.id;
  if (first !== undefined && details.firstId !== first) {
    return `has the first id ${details.firstId}, and was produced as ${first}`;
  }
  const known = deliveries.find((each) => each.details !== undefined)?.details?.firstId;
  if (details.firstId !== known) return `has the first id ${details.firstId}, and had ${known} before`;
  if (base === 0 && attempts > 1 && details.firstId === id) return 'came back under its first id';
  const name = produce?.named ? item : undefined;
  if (details.name === name) return undefined;
  return `has the metadata '${details.name ?? 'none'}', and was produced with '${name ?? 'none'}'`;
}

/** The id that the produce with a dedup key told. */
function told(produce: ItemRecord['produce'], item: string): string | undefined {
  return produce?.told?.ids[produce.items.indexOf(item)];
}

interface Death {
  readonly before: Delivery | undefined;
  readonly delivery: Delivery;
  readonly maxAttempts: number;
}

/** What is wrong with the end of the life before, or with the lack of one. */
function faultOfDeath(records: ItemRecords, { before, delivery, maxAttempts }: Death): Fault | undefined {
  const isLetter = delivery.lease.queue === 'dead';
  const source = delivery.details?.source;
  if (!isLetter && delivery.attempts > maxAttempts) {
    return `was leased ${delivery.attempts} times, and ${maxAttempts} are allowed`;
  }
  if (isLetter && source === undefined) return 'is a dead letter without a source';
  if (before !== undefined && isSameLife(before, delivery)) {
    const dead = isLetter ? undefined : surelyRejected(records, before);
    if (dead === undefined) return undefined;
    return { text: 'was rejected, and came back without being a dead letter', by: [dead] };
  }
  if (source === undefined) return undefined;
  if (source.queue !== 'q') return `has the source '${source.queue}'`;
  // Otherwise the last lease of the life before was not seen.
  const wasSeen =
    before !== undefined &&
    before.lease.queue === undefined &&
    unseenLeases(before, { ...delivery, attempts: 1 }) === 0;
  if (!wasSeen || attemptsInAll(before) !== source.attempts) return undefined;
  if (source.partition !== before.partition) {
    return `has the source partition ${source.partition}, and was in ${before.partition}`;
  }
  return faultOfReason(records, before, source, maxAttempts);
}

function faultOfReason(
  { settlementsOf }: ItemRecords,
  before: Delivery,
  { id, reason }: NonNullable<Details['source']>,
  maxAttempts: number,
): Fault | undefined {
  const settled = settlementsOf(before.id).filter(mayHaveHappened);
  switch (reason) {
    case 'attempts':
      if (before.attempts === maxAttempts) return undefined;
      return `died of its attempts after ${before.attempts}, and ${maxAttempts} are allowed`;
    case 'rejected':
      if (id === before.id && settled.some(({ dead }) => dead)) return undefined;
      return { text: `was rejected as ${id}, and no call can have done so`, by: settled };
    default:
      return `died of '${reason}', which nothing can have caused`;
  }
}

/** The call that certainly rejected the item, if nothing else can have ended its lease. */
function surelyRejected({ settlementsOf }: ItemRecords, { id }: Delivery): Operation | undefined {
  const settled = settlementsOf(id).filter(mayHaveHappened);
  const [only] = settled;
  return settled.length === 1 && only?.dead && only.outcome === 'ok' ? only : undefined;
}
