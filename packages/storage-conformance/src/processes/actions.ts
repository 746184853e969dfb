import {
  checkOptions,
  parseDuration,
  SharedResources,
  type StorageBackend,
  type StorageDriver,
  SystemClock,
  SystemRandom,
  silentLogger,
} from '@querator/core';
import { newItem, textsOf } from '../fixture/content.ts';
import { valuesOf } from '../fixture/partition-script.ts';

/** How long leases and items of these processes last: longer than any test. */
const LONG = parseDuration('1h');

/** What several processes do with one partition. */
export interface WorkResult {
  /** The texts of the items that the process has produced, and of those that it has completed. */
  readonly produced: readonly string[];
  readonly completed: readonly string[];
}

/** What a process of the suite can be asked for. Every action ends with a result that can be cloned. */
export interface Actions {
  /** Produces items `NAME-ROUND-0` to `-2` in one request, completes what it can lease, and gives one back. */
  work(queue: string, name: string, rounds: number): Promise<WorkResult>;
  /** Produces requests of three items until the process is killed. Reports each after it was acknowledged. */
  produceUntilKilled(queue: string, report: (round: number) => void): Promise<never>;
  /** The texts of all items of the partition in their order, each with whether it is leased. */
  list(queue: string): Promise<readonly (readonly [text: string, isLeased: boolean])[]>;
  /** Produces one request of items with these texts. */
  produce(queue: string, texts: readonly string[]): Promise<void>;
  /** Leases items and keeps the leases. */
  lease(queue: string, limit: number): Promise<readonly string[]>;
  /** Whether a poll finds waiting items. */
  isWaiting(queue: string): Promise<boolean>;
  /** Reports each notification of a topic, until the end. */
  listen(topic: string, report: (count: number) => void): Promise<void>;
  publish(topic: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens the storage by its driver, as a server does. */
export function openByDriver(driver: StorageDriver, options: unknown): StorageBackend {
  const checked = checkOptions(driver, options as Readonly<Record<string, unknown>>);
  if (checked.issues !== undefined) throw new Error(checked.issues.map(({ message }) => message).join('; '));
  return driver.create(checked.value, {
    ...{ name: 'storage', clock: new SystemClock(), random: new SystemRandom() },
    ...{ logger: silentLogger, shared: new SharedResources() },
  });
}

/** The actions on a backend. */
export function actionsOn(backend: StorageBackend): Actions {
  const storeOf = (queue: string) => backend.partitionStore({ queue, partition: 0 });
  const produce = async (queue: string, texts: readonly string[]) => {
    valuesOf(await storeOf(queue).produce([{ items: texts.map((text) => newItem(text)) }], LONG));
  };
  return {
    produce,
    async work(queue, name, rounds) {
      const store = storeOf(queue);
      const produced: string[] = [];
      const completed: string[] = [];
      for (let round = 0; round < rounds; round++) {
        const texts = [0, 1, 2].map((n) => `${name}-${round}-${n}`);
        await produce(queue, texts);
        produced.push(...texts);
        const [kept, ...done] = await store.lease({ limit: 4, leaseTimeout: LONG });
        if (kept !== undefined) await store.release([kept.id]);
        valuesOf(await store.complete([{ ids: done.map(({ id }) => id) }]));
        completed.push(...textsOf(done));
      }
      return { produced, completed };
    },
    async produceUntilKilled(queue, report) {
      for (let round = 0; ; round++) {
        await produce(
          queue,
          [0, 1, 2].map((n) => `${round}-${n}`),
        );
        report(round);
      }
    },
    async list(queue) {
      const items = await storeOf(queue).list({ state: 'queued', pivot: '', limit: 100_000 });
      const texts = textsOf(items);
      return items.map(({ isLeased }, n) => [texts[n] ?? '', isLeased] as const);
    },
    async lease(queue, limit) {
      return textsOf(await storeOf(queue).lease({ limit, leaseTimeout: LONG }));
    },
    async isWaiting(queue) {
      const [result] = (await backend.poll?.([{ queue, partition: 0 }], { deadlines: false })) ?? [];
      return result?.waiting === true;
    },
    async listen(topic, report) {
      let count = 0;
      backend.signals?.subscribe(topic, () => report(++count));
    },
    async publish(topic) {
      backend.signals?.publish(topic);
    },
    close: () => backend.close(),
  };
}
