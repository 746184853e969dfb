import { formatDuration, milliseconds, type Pauses, type Queue } from '@querator/core';
import type { QueuesDescribeResponse, QueuesHandling, QueuesPartition } from '../gen/querator/v2/queues.ts';
import { fromPauses } from './pauses.ts';
import { fromQueueSettings } from './queue-info.ts';

/** A partition as the engine describes it. */
interface DescribedPartition {
  readonly partition: number;
  readonly storageName: string;
  /** The storage that it moves to. Undefined: it does not move. */
  readonly movingTo: string | undefined;
  /** Whether the queue is to lose it. Undefined: no. */
  readonly leaves?: boolean | undefined;
  readonly inService: boolean;
  readonly failures: number;
  readonly items:
    | {
        readonly waiting: number;
        readonly leased: number;
        readonly scheduled: number;
        readonly headAgeMs: number;
        readonly countAgeMs: number;
      }
    | undefined;
  readonly keys: { readonly keys: number; readonly countAgeMs: number } | undefined;
}

/** How long consumers take, as the engine measures it. */
interface Handling {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly watchedMs: number;
}

const MOST = 2 ** 31 - 1;

/** The wire form of a queue with its partitions. */
export function fromDescription({
  queue,
  pauses,
  partitions,
  handling,
}: {
  readonly queue: Queue;
  readonly pauses: Pauses;
  readonly partitions: readonly DescribedPartition[];
  readonly handling?: Handling | undefined;
}): QueuesDescribeResponse {
  const counted = partitions.flatMap(({ items }) => items ?? []);
  const sum = (values: readonly number[]) =>
    Math.min(
      values.reduce((total, each) => total + each, 0),
      MOST,
    );
  const greatest = (values: readonly number[]) => values.reduce((most, each) => Math.max(most, each), 0);
  return {
    queue: fromQueueSettings(queue),
    pause: Object.keys(pauses).length === 0 ? undefined : fromPauses(pauses),
    waiting: sum(counted.map(({ waiting }) => waiting)),
    leased: sum(counted.map(({ leased }) => leased)),
    scheduled: sum(counted.map(({ scheduled }) => scheduled)),
    headAge: ageOf(greatest(counted.map(({ headAgeMs }) => headAgeMs)) || undefined),
    countAge: ageOf(counted.length === 0 ? undefined : greatest(counted.map(({ countAgeMs }) => countAgeMs))),
    uncounted: partitions.length - counted.length,
    dedupKeys: sum(partitions.map(({ keys }) => keys?.keys ?? 0)),
    partitions: partitions.map(fromPartition),
    handling: handling && fromHandling(handling),
  };
}

function fromHandling({ count, p50Ms, p95Ms, p99Ms, maxMs, watchedMs }: Handling): QueuesHandling {
  const watched = ageOf(watchedMs);
  if (count === 0) return { count, p50: '', p95: '', p99: '', max: '', watched };
  return { count, p50: ageOf(p50Ms), p95: ageOf(p95Ms), p99: ageOf(p99Ms), max: ageOf(maxMs), watched };
}

function fromPartition({
  partition,
  storageName,
  movingTo = '',
  leaves,
  inService,
  failures,
  items,
  keys,
}: DescribedPartition): QueuesPartition {
  return {
    ...{ partition, storageName, failures, movingTo },
    state: leaves ? 'leaving' : 'open',
    health: inService ? 'in_service' : 'failing',
    waiting: items?.waiting ?? 0,
    leased: items?.leased ?? 0,
    scheduled: items?.scheduled ?? 0,
    headAge: ageOf(items?.headAgeMs || undefined),
    countAge: ageOf(items?.countAgeMs),
    dedupKeys: Math.min(keys?.keys ?? 0, MOST),
    dedupKeysAge: ageOf(keys?.countAgeMs),
  };
}

/** An age as a duration. Empty: it is not known. */
export function ageOf(ms: number | undefined): string {
  return ms === undefined ? '' : formatDuration(milliseconds(Math.max(Math.round(ms), 0)));
}
