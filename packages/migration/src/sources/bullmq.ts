import { addDuration, type Instant, instantFromMicroseconds, milliseconds } from '@querator/core';
import {
  type ForeignBatch,
  type ForeignJob,
  type ForeignQueue,
  type ForeignSystem,
  ForeignSystemFault,
  itemOf,
  NEVER,
} from './foreign-system.ts';
import { RedisConnection, type RedisReply } from './redis-connection.ts';

/** Ids that are read at once, and then their jobs. */
const IDS = 500;

/** A place of a queue where jobs to be worked on are, in the order in which workers take them. */
interface Place {
  readonly name: string;
  readonly kind: 'list' | 'set';
}

const PLACES: readonly Place[] = [
  { name: 'active', kind: 'list' },
  { name: 'wait', kind: 'list' },
  { name: 'paused', kind: 'list' },
  { name: 'prioritized', kind: 'set' },
  { name: 'delayed', kind: 'set' },
];
const STAYING = ['completed', 'failed', 'waiting-children'] as const;

/** The times of delayed jobs are multiples of this in their scores, plus a counter. */
const SCORE_OF_MS = 4_096;

/**
 * Reads BullMQ 4 and later.
 *
 * @param address `redis://`; `?prefix=` names another prefix of keys than `bull`.
 */
export async function openBullMq(address: string): Promise<ForeignSystem> {
  const url = new URL(address);
  const prefix = url.searchParams.get('prefix') ?? 'bull';
  const redis = await RedisConnection.open(url);
  const bull = new BullMq(redis, prefix);
  return {
    queues: () => bull.queues(),
    batches: (queue) => bull.batches(queue),
    close: async () => redis.close(),
  };
}

class BullMq {
  readonly #redis: RedisConnection;
  readonly #prefix: string;

  constructor(redis: RedisConnection, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async queues(): Promise<readonly ForeignQueue[]> {
    const names = new Set<string>();
    let cursor = '0';
    do {
      const reply = await this.#redis.call(
        'SCAN',
        cursor,
        'MATCH',
        `${this.#prefix}:*:meta`,
        'COUNT',
        '1000',
      );
      const [next, keys] = reply as [string, readonly string[]];
      for (const key of keys) names.add(key.slice(this.#prefix.length + 1, -':meta'.length));
      cursor = next;
    } while (cursor !== '0');
    const found: ForeignQueue[] = [];
    for (const name of [...names].sort()) found.push(await this.#queue(name));
    return found;
  }

  async *batches(queue: string): AsyncGenerator<ForeignBatch> {
    const now = await this.#now();
    for (const place of PLACES) {
      for await (const ids of this.#ids(queue, place)) {
        const hashes = await this.#redis.all(ids.map(([id]) => ['HGETALL', this.#key(queue, id)]));
        const locks = await this.#redis.all(ids.map(([id]) => ['PTTL', this.#key(queue, `${id}:lock`)]));
        const jobs = ids.flatMap(([id, score], n) => {
          const job = fieldsOf(hashes[n] as RedisReply);
          // Such as the marker that wakes workers.
          if (!job.has('data')) return [];
          return [jobOf(id, job, { place: place.name, score, now, lockMs: Number(locks[n]) })];
        });
        yield { jobs };
      }
    }
  }

  async #queue(name: string): Promise<ForeignQueue> {
    const counts = await this.#redis.all([
      ...STAYING.map((state) => ['ZCARD', this.#key(name, state)]),
      ['ZCARD', this.#key(name, 'repeat')],
      ['HGETALL', this.#key(name, 'meta')],
    ]);
    const schedulers = Number(counts[STAYING.length]);
    const meta = fieldsOf(counts[STAYING.length + 1] as RedisReply);
    const staying = STAYING.map((state, n) => [state, Number(counts[n])] as const);
    return {
      name,
      settings: { leaseTimeout: '30s', expireTimeout: NEVER, maxAttempts: 0, deadQueue: '' },
      lacks: [
        ...(schedulers > 0 ? [`${schedulers} job scheduler(s)`] : []),
        ...(meta.has('concurrency') ? ['concurrency of the queue'] : []),
        ...(meta.has('max') ? ['rate limit of the queue'] : []),
      ],
      staying: new Map(staying.filter(([, count]) => count > 0)),
    };
  }

  /** The ids in a place, each with its score in a set. */
  async *#ids(queue: string, { name, kind }: Place): AsyncGenerator<readonly (readonly [string, number])[]> {
    const key = this.#key(queue, name);
    for (let at = 0; ; at += IDS) {
      if (kind === 'set') {
        const reply = await this.#redis.call('ZRANGE', key, String(at), String(at + IDS - 1), 'WITHSCORES');
        const flat = reply as readonly string[];
        if (flat.length === 0) return;
        yield Array.from({ length: flat.length / 2 }, (_, n) => [
          flat[2 * n] as string,
          Number(flat[2 * n + 1]),
        ]);
      } else {
        // Workers take from the end of a list.
        const reply = await this.#redis.call('LRANGE', key, String(-at - IDS), String(-at - 1));
        const ids = reply as readonly string[];
        if (ids.length === 0) return;
        yield ids.toReversed().map((id) => [id, 0] as const);
      }
    }
  }

  async #now(): Promise<Instant> {
    const [seconds, micros] = (await this.#redis.call('TIME')) as readonly string[];
    return instantFromMicroseconds(BigInt(seconds ?? '') * 1_000_000n + BigInt(micros ?? ''));
  }

  #key(queue: string, rest: string): string {
    return `${this.#prefix}:${queue}:${rest}`;
  }
}

interface Found {
  readonly place: string;
  readonly score: number;
  readonly now: Instant;
  /** How long its worker still has the job, in milliseconds. Negative: nobody has it. */
  readonly lockMs: number;
}

function jobOf(
  id: string,
  job: ReadonlyMap<string, string>,
  { place, score, now, lockMs }: Found,
): ForeignJob {
  const options = JSON.parse(job.get('opts') ?? '{}') as Readonly<Record<string, unknown>>;
  const limit = typeof options['attempts'] === 'number' ? options['attempts'] : 1;
  const item = itemOf({
    ...{ payload: job.get('data') ?? '', kind: job.get('name') ?? '', ids: { 'bullmq.id': id }, now },
    attempts: Number(job.get('attemptsMade') ?? job.get('atm') ?? 0),
    ...{ maxAttempts: limit, error: job.get('failedReason') },
    runAt: place === 'delayed' ? ofMilliseconds(Math.floor(score / SCORE_OF_MS)) : undefined,
    leasedUntil: place === 'active' ? addDuration(now, milliseconds(Math.max(lockMs, 0))) : undefined,
  });
  const lacks = [
    ...(place === 'prioritized' || Number(job.get('priority') ?? 0) > 0 ? ['priority'] : []),
    ...(job.has('parentKey') || job.has('parent') ? ['parent job'] : []),
    ...(job.has('rjk') ? ['job of a scheduler'] : []),
    ...(job.has('deid') ? ['deduplication'] : []),
    ...(options['backoff'] === undefined ? [] : ['delay of retries']),
    ...(limit > 1 ? ['retry limit of its own'] : []),
  ];
  return { key: `bullmq/${id}`, item, lacks };
}

function ofMilliseconds(ms: number): Instant {
  if (!Number.isSafeInteger(ms)) throw new ForeignSystemFault(`'${ms}' is not a time that an item can have`);
  return instantFromMicroseconds(BigInt(ms) * 1_000n);
}

function fieldsOf(reply: RedisReply): ReadonlyMap<string, string> {
  const flat = reply as readonly string[];
  return new Map(
    Array.from({ length: flat.length / 2 }, (_, n) => [flat[2 * n] as string, flat[2 * n + 1] as string]),
  );
}
