import type { NewItem } from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import {
  createService,
  type EngineLimits,
  type ItemBudget,
  type QueueCall,
  type Service,
} from '../../src/index.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A service on the memory driver, with a manual clock and a storage that can fail. */
export class Harness {
  readonly clock = new ManualClock();
  readonly storage: FaultyStorage;
  readonly service: Service;
  readonly logged: string[] = [];

  /** Allows one statement of a kind by default, so that only the test decides the order of events. */
  constructor(limits: Partial<EngineLimits> = {}, itemBudget?: ItemBudget) {
    const random = new SeededRandom();
    this.storage = new FaultyStorage(memoryBackend({ name: 'mem', clock: this.clock, random }));
    const log = (message: string) => this.logged.push(message);
    this.service = createService({
      clock: this.clock,
      random,
      logger: { debug: log, info: log, warn: log, error: log },
      limits: { statementsInFlight: 1, ...limits },
      itemBudget,
      queueStore: this.storage.queueStore(),
      storages: [{ backend: this.storage, affinity: 1 }],
    });
  }

  /** Creates a queue with default settings, except those given. */
  async create(queueName: string, settings: Partial<QueueCall> = {}): Promise<void> {
    await this.service.queues.create(queueCall(queueName, settings));
  }

  /** Produces items with these payloads. */
  produce(queueName: string, payloads: readonly string[], requestTimeout = '1m'): Promise<void> {
    return this.service.queue.produce({
      queueName,
      requestTimeout,
      items: payloads.map((text) => item(text)),
    });
  }

  /** Leases up to `batchSize` items. */
  lease(
    queueName: string,
    batchSize = 1,
    { clientId = `client-${nextClient++}`, requestTimeout = '1m' } = {},
  ) {
    return this.service.queue.lease({ queueName, batchSize, clientId, requestTimeout });
  }

  /** The payloads of a partition's waiting and leased items, in order. */
  async payloads(queueName: string, partition = 0): Promise<string[]> {
    const items = await this.service.storage.listItems({ queueName, partition, pivot: '', limit: 0 });
    return items.map(payloadOf);
  }

  /** The payloads of the prepared letters of a partition, in order. */
  async prepared(queueName: string, partition = 0): Promise<string[]> {
    const store = this.storage.partitionStore({ queue: queueName, partition });
    return (await store.list({ state: 'prepared', pivot: '', limit: 1_000 })).map(payloadOf);
  }

  /** Runs everything that needs no passing of time. */
  settle(): Promise<void> {
    return this.clock.advance('0');
  }
}

let nextClient = 0;

export function queueCall(queueName: string, settings: Partial<QueueCall> = {}): QueueCall {
  return {
    queueName,
    namespace: '',
    leaseTimeout: '1m',
    expireTimeout: '24h',
    deadQueue: '',
    maxAttempts: 0,
    reference: '',
    requestedPartitions: 1,
    ...settings,
  };
}

/** An item with this payload. */
export function item(text: string, rest: Partial<NewItem> = {}): NewItem {
  return { encoding: 'utf-8', kind: 'test', reference: 'ref', payload: encoder.encode(text), ...rest };
}

export function payloadOf({ payload }: { readonly payload: Uint8Array }): string {
  return decoder.decode(payload);
}

/** The state of a promise so far, without waiting for it. */
export function watch<T>(promise: Promise<T>): {
  state: 'pending' | 'fulfilled' | 'rejected';
  value?: T;
  error?: Error;
} {
  const seen: ReturnType<typeof watch<T>> = { state: 'pending' };
  promise.then(
    (value) => Object.assign(seen, { state: 'fulfilled', value }),
    (error: Error) => Object.assign(seen, { state: 'rejected', error }),
  );
  return seen;
}
