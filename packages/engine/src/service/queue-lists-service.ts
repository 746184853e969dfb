import {
  accessDenied,
  type Caller,
  type Clock,
  checkText,
  errorText,
  type Instant,
  invalid,
  LIMITS,
  type MinuteCounts,
  milliseconds,
  millisecondsBetween,
  PAUSABLE,
  type Pauses,
  RATES_QUEUES_MAX,
  type RateStore,
  SYSTEM_NAMESPACE,
  unavailable,
} from '@querator/core';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { ListedQueue, QueueDirectory } from '../sampling/queue-directory.ts';
import type { QueueSampler } from '../sampling/queue-sampler.ts';
import {
  type ListPosition,
  listCursorOf,
  listPositionOf,
  QUEUE_SORTS,
  type QueueOrder,
  type QueueSort,
} from './list-cursor.ts';
import type { CallerOptions } from './queues-service.ts';

export interface ListQueueRowsCall {
  /** Empty: all namespaces in which the caller may see queues. */
  readonly namespace: string;
  /** Only queues whose names contain it, whatever the case. Empty: all. */
  readonly filter: string;
  /** One of {@link QUEUE_SORTS}. Empty: `name`. */
  readonly sort: string;
  readonly descending: boolean;
  /** 0: 100. At most 1,000. */
  readonly limit: number;
  /** Empty: the first page. */
  readonly cursor: string;
  /** Whether to tell what happened to the items in each minute of the last hour. */
  readonly withRates: boolean;
}

/** A queue in a list. */
export interface QueueRow {
  readonly name: string;
  readonly namespace: string;
  /** Empty: none. */
  readonly deadQueue: string;
  /** Those in force. */
  readonly pauses: Pauses;
  readonly partitions: number;
  /** The storages of its partitions, in order of their names. */
  readonly storages: readonly string[];
  /** Undefined: it was not counted yet. */
  readonly items:
    | {
        readonly waiting: number;
        readonly leased: number;
        readonly scheduled: number;
        /** When it was counted, in milliseconds. */
        readonly headAgeMs: number;
        /** In milliseconds. */
        readonly countAgeMs: number;
        /** Whether a count is an estimate. */
        readonly estimated: boolean;
      }
    | undefined;
  /** What waits in its dead-letter queue, wherever that came from. Undefined: not counted yet, not visible, or none. */
  readonly dead: number | undefined;
  /** Undefined: not asked for. */
  readonly minutes: readonly MinuteCounts[] | undefined;
}

export interface QueueRowsPage {
  readonly rows: readonly QueueRow[];
  /** Queues in all pages. Undefined: they are being read for the first time. */
  readonly total: number | undefined;
  /** Empty: this is the last page. */
  readonly cursor: string;
}

/** The order while nothing was counted. */
const BY_NAME: QueueOrder = { sort: 'name', descending: false };
const RATES_SPAN = milliseconds(3_600_000);

interface Row extends ListPosition {
  readonly queue: ListedQueue;
}

export interface QueueListsDeps {
  readonly clock: Clock;
  readonly manager: Pick<QueueManager, 'checkRunning'>;
  readonly directory: QueueDirectory;
  readonly sampler: QueueSampler;
  /** Undefined: nothing keeps rates. */
  readonly rates: RateStore | undefined;
}

/**
 * Lists queues with their counts, for operators. It answers from memory: the counts are
 * those of a sampler, and may be missing.
 */
export class QueueListsService {
  readonly #deps: QueueListsDeps;

  constructor(deps: QueueListsDeps) {
    this.#deps = deps;
  }

  /**
   * A page of queues.
   *
   * @throws QueueError `invalid`, `forbidden`; `failed` during shutdown, and if rates are asked
   *   for that no storage keeps. Throws StorageError when queues or rates cannot be read.
   */
  async list(call: ListQueueRowsCall, { caller }: CallerOptions = {}): Promise<QueueRowsPage> {
    const { directory, sampler, manager } = this.#deps;
    const { namespace, filter } = call;
    if (namespace !== '' && !may(caller, namespace)) throw accessDenied();
    manager.checkRunning();
    checkText('namespace', namespace);
    checkText('filter', filter);
    const order = { sort: sortOf(call.sort), descending: call.descending };
    const limit = limitOf(call.limit);
    const after = listPositionOf(call.cursor, order);
    sampler.looked();
    const known = await directory.soon();
    if (known === undefined && isFirstOfAll(call, order))
      return this.#firstOfAll(call, order, { limit, caller });
    const visible = visibleTo(known ?? (await directory.current()), namespace, caller);
    const found = visible
      .filter(containing(filter))
      .map((queue): Row => ({ queue, name: queue.name, value: this.#valueOf(queue, order.sort, caller) }));
    const isByName = after?.isByName === true;
    const compare = comparing(isByName ? BY_NAME : order);
    const following = after === undefined ? found : found.filter((row) => compare(row, after) > 0);
    following.sort(compare);
    const page = following.slice(0, limit);
    this.#shows(page.map(({ queue }) => queue));
    const minutes = call.withRates ? await this.#minutesOf(page) : undefined;
    const last = page.at(-1);
    return {
      rows: page.map(({ queue }) => this.#shown(queue, caller, minutes)),
      total: found.length,
      cursor: following.length > limit && last ? listCursorOf(order, { ...last, isByName }) : '',
    };
  }

  /**
   * The first page while all queues are being read for the first time. Nothing was counted
   * yet, so they are in order of their names. Their number is not known.
   */
  async #firstOfAll(
    { namespace, withRates }: ListQueueRowsCall,
    order: QueueOrder,
    { limit, caller }: { readonly limit: number; readonly caller: Caller | undefined },
  ): Promise<QueueRowsPage> {
    const found: ListedQueue[] = [];
    for (let pivot = ''; found.length <= limit; ) {
      const read = await this.#deps.directory.read(pivot, { namespace, limit: limit + 2 });
      found.push(...read.filter(({ name, namespace: of }) => name !== pivot && may(caller, of)));
      const last = read.at(-1)?.name;
      if (read.length < limit + 2 || last === undefined) break;
      pivot = last;
    }
    if (found.length === 0 && namespace === '' && !may(caller, SYSTEM_NAMESPACE)) throw accessDenied();
    const page = found.slice(0, limit);
    this.#shows(page);
    const minutes = withRates ? await this.#minutesOf(page) : undefined;
    const last = page.at(-1);
    return {
      rows: page.map((queue) => this.#shown(queue, caller, minutes)),
      total: undefined,
      cursor: found.length > limit && last ? listCursorOf(order, { name: last.name, isByName: true }) : '',
    };
  }

  /** The counts of dead-letter queues are on the page too. */
  #shows(page: readonly ListedQueue[]): void {
    const { directory, sampler } = this.#deps;
    const dead = page.flatMap(({ deadQueue }) => (deadQueue === '' ? [] : (directory.find(deadQueue) ?? [])));
    sampler.shows([...page, ...dead]);
  }

  #shown(
    queue: ListedQueue,
    caller: Caller | undefined,
    minutes: ReadonlyMap<string, readonly MinuteCounts[]> | undefined,
  ): QueueRow {
    const { clock, sampler } = this.#deps;
    const { name, namespace, deadQueue, storages } = queue;
    const sample = sampler.sample(queue);
    return {
      ...{ name, namespace, deadQueue },
      pauses: inForce(queue.pauses, clock.now()),
      partitions: storages.length,
      storages: [...new Set(storages)].sort(),
      items: sample && {
        ...{ waiting: sample.waiting, leased: sample.leased, scheduled: sample.scheduled },
        headAgeMs: sample.headAgeMs,
        estimated: sample.estimated,
        countAgeMs: millisecondsBetween(sample.countedAt, clock.now()),
      },
      dead: this.#deadOf(queue, caller),
      minutes: minutes && (minutes.get(name) ?? []),
    };
  }

  #valueOf(queue: ListedQueue, sort: QueueSort, caller: Caller | undefined): number | undefined {
    if (sort === 'name') return undefined;
    if (sort === 'dead') return this.#deadOf(queue, caller);
    const sample = this.#deps.sampler.sample(queue);
    return sort === 'waiting' ? sample?.waiting : sample?.headAgeMs;
  }

  #deadOf({ deadQueue, namespace }: ListedQueue, caller: Caller | undefined): number | undefined {
    const { directory, sampler } = this.#deps;
    const target = deadQueue === '' ? undefined : directory.find(deadQueue);
    if (target === undefined) return undefined;
    if (target.namespace !== namespace && !may(caller, target.namespace)) return undefined;
    return sampler.sample(target)?.waiting;
  }

  async #minutesOf(
    page: readonly { readonly name: string }[],
  ): Promise<ReadonlyMap<string, readonly MinuteCounts[]>> {
    const { rates } = this.#deps;
    if (rates === undefined) throw unavailable('failed', 'the storage of the queues keeps no rates');
    const names = page.map(({ name }) => name);
    const minutes: MinuteCounts[] = [];
    for (let from = 0; from < names.length; from += RATES_QUEUES_MAX) {
      const queues = names.slice(from, from + RATES_QUEUES_MAX);
      minutes.push(...(await rates.read({ queues, span: RATES_SPAN })).counts);
    }
    return Map.groupBy(minutes, ({ queue }) => queue);
  }
}

/** Whether the order of the page does not depend on counts, as long as there are none. */
function isFirstOfAll({ filter, cursor }: ListQueueRowsCall, { sort, descending }: QueueOrder): boolean {
  return filter === '' && cursor === '' && !(sort === 'name' && descending);
}

function may(caller: Caller | undefined, namespace: string): boolean {
  return caller === undefined || caller.may('queue.stats', namespace);
}

/** @throws QueueError `forbidden` for a caller who may see queues in no namespace. */
function visibleTo(
  queues: readonly ListedQueue[],
  namespace: string,
  caller: Caller | undefined,
): readonly ListedQueue[] {
  if (namespace !== '') return queues.filter((queue) => queue.namespace === namespace);
  const judged = new Map<string, boolean>([[SYSTEM_NAMESPACE, may(caller, SYSTEM_NAMESPACE)]]);
  const visible = queues.filter((queue) => {
    const known = judged.get(queue.namespace) ?? may(caller, queue.namespace);
    judged.set(queue.namespace, known);
    return known;
  });
  if (![...judged.values()].includes(true)) throw accessDenied();
  return visible;
}

function containing(filter: string): (queue: ListedQueue) => boolean {
  if (filter === '') return () => true;
  const wanted = filter.toLowerCase();
  return ({ name }) => name.toLowerCase().includes(wanted);
}

/** Queues without a value come last, in either direction. */
function comparing({ sort, descending }: QueueOrder): (a: ListPosition, b: ListPosition) => number {
  const sign = descending ? -1 : 1;
  const byName = (a: ListPosition, b: ListPosition) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  if (sort === 'name') return (a, b) => sign * byName(a, b);
  return (a, b) => {
    if (a.value === b.value) return byName(a, b);
    if (a.value === undefined) return 1;
    if (b.value === undefined) return -1;
    return sign * (a.value - b.value);
  };
}

/** A pause may have ended since the queue was read. */
function inForce(pauses: Pauses, now: Instant): Pauses {
  const entries = PAUSABLE.flatMap((work) => {
    const pause = pauses[work];
    return pause === undefined || (pause.until !== undefined && pause.until <= now) ? [] : [[work, pause]];
  });
  return Object.fromEntries(entries);
}

function sortOf(text: string): QueueSort {
  const sort = QUEUE_SORTS.find((each) => each === (text || 'name'));
  if (sort !== undefined) return sort;
  throw invalid(errorText`sort is invalid; '${text}' is not one of (${QUEUE_SORTS.join(', ')})`);
}

function limitOf(limit: number): number {
  if (limit < 0) throw invalid('limit is invalid; limit cannot be negative');
  if (limit > LIMITS.queueRows) {
    throw invalid(errorText`limit is invalid; cannot be greater than ${LIMITS.queueRows}`, 'too_large');
  }
  return limit || LIMITS.queueRowsDefault;
}
