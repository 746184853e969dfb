import { setTimeout as delay } from 'node:timers/promises';
import { type Client, createClient } from '@querator/client';
import { SeededRandom } from '@querator/core/testing';
import { outcomeOf } from '../history/outcome-of.ts';
import { chooseFaults } from './choose-faults.ts';
import { type DatabaseUnderTest, FAULTS } from './faults.ts';
import { spreadSeed } from './spread-seed.ts';
import { setUpStage } from './stage.ts';
import { storedItems } from './stored-items.ts';

export interface DoublesOptions {
  readonly seed: number;
  /** Requests, each of one item under a key of its own. */
  readonly produces: number;
  readonly instances: number;
  /** Clients at a time. */
  readonly clients: number;
}

/** What became of the produces. */
export interface DoublesResult {
  readonly produces: number;
  /** Requests that were sent again, and those of them whose outcome was unknown. */
  readonly repeats: number;
  readonly unknown: number;
  /** Requests that were told that they are duplicates. */
  readonly duplicates: number;
  readonly faults: number;
  /** Items that are stored more than once. */
  readonly doubles: number;
  /** Items that were acknowledged, and are not stored. */
  readonly missing: number;
  /** Items that are stored under another id than was told. */
  readonly otherIds: number;
}

const PARTITIONS = 3;
const LEASE_TIMEOUT_MS = 60_000;
const CALL_MS = 4_000;
const AFTER_FAILURE_MS = 30;
const BETWEEN_FAULTS_MS = 6_000;

/**
 * Produces items under dedup keys while faults follow each other, and sends each
 * request until it is acknowledged, at any server. At the end it reads what is stored.
 */
export async function doublesRun(
  database: DatabaseUnderTest,
  { seed, produces, instances, clients }: DoublesOptions,
): Promise<DoublesResult> {
  const stage = await setUpStage(database, {
    ...{ instances, partitions: PARTITIONS, leaseTimeoutMs: LEASE_TIMEOUT_MS },
  });
  try {
    const urls = stage.instances.map(({ url }) => url);
    const producing = new Producing(urls, produces);
    let done = false;
    const producers = Array.from({ length: clients }, (_, n) =>
      producing.run(new SeededRandom(spreadSeed(seed, 100 + n))),
    );
    const ended = Promise.all(producers).finally(() => {
      done = true;
    });
    ended.catch(() => {});
    const random = new SeededRandom(spreadSeed(seed, 0));
    const run = { ...stage, database, random, leaseTimeoutMs: LEASE_TIMEOUT_MS / 20 };
    let faults = 0;
    // A round has each kind of fault once.
    for (let round = seed; !done; round++) {
      for (const fault of chooseFaults(round, FAULTS.length, FAULTS)) {
        if (done) break;
        await fault.strike(run);
        faults++;
        await delay(random.fraction() * BETWEEN_FAULTS_MS);
      }
    }
    await ended;
    const items = await storedItems(createClient({ endpoint: urls[0] ?? '' }), 'q', PARTITIONS);
    const stored = items.map(({ payload, id }) => [Number(payload), id] as const);
    return { produces, ...producing.counts, faults, ...compare(producing.told, stored) };
  } finally {
    await stage.tearDown();
  }
}

class Producing {
  readonly counts = { repeats: 0, unknown: 0, duplicates: 0 };
  /** The id of each item, as its produce told it. */
  readonly told: string[] = [];
  readonly #urls: readonly string[];
  readonly #produces: number;
  #next = 0;

  constructor(urls: readonly string[], produces: number) {
    this.#urls = urls;
    this.#produces = produces;
  }

  /** One client, which sends one request at a time. @throws for an answer that no client should get. */
  async run(random: SeededRandom): Promise<void> {
    const servers = this.#urls.map((endpoint) => createClient({ endpoint }));
    while (this.#next < this.#produces) {
      const number = this.#next++;
      for (;;) {
        const server = servers[Math.floor(random.fraction() * servers.length)] as Client;
        if (await this.#attempt(server, number)) break;
        await delay(AFTER_FAILURE_MS);
      }
    }
  }

  /** @returns whether it was acknowledged. */
  async #attempt({ v2 }: Client, number: number): Promise<boolean> {
    try {
      const { items } = await v2.queue.produce(
        {
          ...{ queueName: 'q', requestTimeout: `${CALL_MS}ms`, items: [{ utf8: String(number) }] },
          ...{ dedupKey: `key ${number}`, dedupWindow: '24h' },
        },
        { timeoutMs: CALL_MS + 1_000 },
      );
      this.told[number] = items[0]?.id ?? '';
      if (items[0]?.duplicate) this.counts.duplicates++;
      return true;
    } catch (error) {
      const { outcome } = outcomeOf(error);
      if (outcome === 'invalid') throw error;
      this.counts.repeats++;
      if (outcome === 'unknown') this.counts.unknown++;
      return false;
    }
  }
}

/** Compares what is stored with what was told. */
export function compare(
  told: readonly string[],
  stored: readonly (readonly [number: number, id: string])[],
): Pick<DoublesResult, 'doubles' | 'missing' | 'otherIds'> {
  const ids = new Map<number, string>();
  let doubles = 0;
  for (const [number, id] of stored) {
    if (ids.has(number)) doubles++;
    ids.set(number, id);
  }
  let missing = 0;
  let otherIds = 0;
  for (const [number, id] of told.entries()) {
    const found = ids.get(number);
    if (found === undefined) missing++;
    else if (found !== id) otherIds++;
  }
  return { doubles, missing, otherIds };
}
