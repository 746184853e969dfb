import { addDuration, type LeasedItem, milliseconds, type StoredItem } from '@querator/core';
import type { Service } from '../../src/index.ts';
import { item, payloadOf, queueCall } from './harness.ts';
import { ResizeWorld } from './resize-run.ts';

/** What one call has leased. */
export interface Held {
  readonly partition: number;
  readonly items: readonly LeasedItem[];
}

type State = 'queued' | 'scheduled' | 'prepared';

interface ProduceOptions {
  readonly dueInMs?: number;
  readonly service?: Service;
  readonly atOnce?: number;
}

/** A queue on two storages whose items move when it gets fewer partitions. */
export class MovingResize {
  readonly world = new ResizeWorld();
  #clients = 0;

  get one(): Service {
    return this.world.services[0] as Service;
  }

  get two(): Service {
    return this.world.services[1] as Service;
  }

  /** @param storages those of the partitions. */
  static async start(
    storages: readonly ('near' | 'far')[],
    settings: Parameters<typeof queueCall>[1] = {},
  ): Promise<MovingResize> {
    const moving = new MovingResize();
    const partitions = storages.map((storageName, partition) => ({ partition, storageName }));
    const call = queueCall('q', { leaseTimeout: '10m', expireTimeout: '24h', ...settings });
    await moving.one.queues.create(call, { partitions });
    for (const service of moving.world.services) await service.queues.info('q');
    return moving;
  }

  /**
   * Produces items, by default one request for each, so that they are spread evenly.
   *
   * @param dueInMs undefined: at once.
   * @param atOnce the items of a request, which go to one partition.
   */
  async produce(
    texts: readonly string[],
    { dueInMs, service = this.one, atOnce = 1 }: ProduceOptions = {},
  ): Promise<void> {
    const enqueueAt =
      dueInMs === undefined ? undefined : addDuration(this.world.clock.now(), milliseconds(dueInMs));
    for (let n = 0; n < texts.length; n += atOnce) {
      const items = texts.slice(n, n + atOnce).map((text) => item(text, { enqueueAt }));
      await this.world.answered(service.queue.produce({ queueName: 'q', requestTimeout: '10s', items }));
    }
  }

  /** The items in each partition. */
  async stored(state: State = 'queued'): Promise<readonly (readonly StoredItem[])[]> {
    const lists = (await this.world.placed()).map((name, partition) => {
      const store = this.world[name as 'near' | 'far'].partitionStore({ queue: 'q', partition });
      return store.list({ state, pivot: '', limit: 1_000, details: true });
    });
    return Promise.all(lists);
  }

  async texts(state: State = 'queued'): Promise<readonly (readonly string[])[]> {
    return (await this.stored(state)).map((items) => items.map(payloadOf));
  }

  async lease(service: Service, batchSize = 1): Promise<Held> {
    const clientId = `c${this.#clients++}`;
    const call = { queueName: 'q', batchSize, clientId, requestTimeout: '3s' };
    const answer = await this.world.answered(service.queue.lease(call));
    return 'value' in answer ? answer.value : { partition: 0, items: [] };
  }

  complete(service: Service, { partition, items }: Held) {
    const ids = items.map(({ id }) => id);
    const call = { queueName: 'q', partition, requestTimeout: '10s', ids };
    return this.world.answered(service.queue.complete(call));
  }

  retry(service: Service, { partition, items }: Held) {
    const retried = items.map(({ id }) => ({ id, dead: false, retryAt: undefined }));
    return this.world.answered(service.queue.retry({ queueName: 'q', partition, items: retried }));
  }

  /** Leases and completes all that waits. */
  async consume(service: Service): Promise<string[]> {
    const seen: string[] = [];
    for (;;) {
      const held = await this.lease(service, 10);
      if (held.items.length === 0) return seen;
      const answer = await this.complete(service, held);
      if (!('value' in answer)) throw answer.error;
      seen.push(...held.items.map(payloadOf));
    }
  }
}
