import { setTimeout as delay } from 'node:timers/promises';
import { type Client, createClient } from '@querator/client';
import type { MovedItems, TaskEnd } from '../history/history.ts';
import type { CallTimes } from '../history/http-calls.ts';
import { httpLetterCalls } from '../history/http-letter-calls.ts';
import type { MovingPlace } from '../history/move-calls.ts';
import { orFail } from '../history/outcome-of.ts';
import { orUnknown } from '../history/queue-calls.ts';
import type { TaskCalls } from '../history/task-calls.ts';
import { storedItems } from './stored-items.ts';

const QUEUES = ['here', 'there'] as const;
const ITEMS = 400;
const LOOK_MS = 25;
const BEGIN_ATTEMPTS = 10;
/** How long one task may take: storage may be down, and partitions move. */
const PATIENCE_MS = 60_000;

interface Server {
  readonly client: Client;
  readonly tasks: TaskCalls & { running(): Promise<number> };
}

/**
 * Tasks of the kind `move` carry the items of one queue to another one and back, through all faults. The queues have
 * no consumers, and each has one partition, so all items have to be there at the end, in their order.
 */
export class ItemMover {
  readonly #servers: readonly Server[];
  readonly #patience: { readonly timeoutMs: number };
  readonly #items = Array.from({ length: ITEMS }, (_, n) => `moved${n}`);
  readonly #otherEnds: TaskEnd[] = [];
  /** The server of the next call: a server may be down. */
  #next = 0;
  #moves = 0;
  #goesOn = true;
  #running: Promise<void> = Promise.resolve();

  constructor(urls: readonly string[], times: CallTimes) {
    this.#servers = urls.map((endpoint) => ({
      client: createClient({ endpoint }),
      tasks: httpLetterCalls(endpoint, '', times),
    }));
    this.#patience = { timeoutMs: times.otherMs + times.marginMs };
  }

  /** Its partitions, which another operator may move. */
  get places(): readonly MovingPlace[] {
    return QUEUES.map((queueName) => ({ queueName, partition: 0 }));
  }

  /** Creates the queues and the items, before any fault, and begins to move them. */
  async begin(): Promise<void> {
    const { client } = this.#server();
    for (const queueName of QUEUES) {
      await client.queues.create({
        ...{ queueName, leaseTimeout: '1m', expireTimeout: '24h', requestedPartitions: 1 },
      });
    }
    const items = this.#items.map((utf8) => ({ utf8 }));
    const request = { queueName: QUEUES[0], requestTimeout: '4s', items, dedupKey: 'moved' };
    // Under the key they are stored once, however slow the machine is.
    const isStored = async () => orUnknown(orFail(client.v2.queue.produce(request, this.#patience)));
    for (let n = 1; (await isStored()) === undefined; n++)
      if (n === BEGIN_ATTEMPTS) throw new Error('the items that move cannot be produced');
    this.#running = this.#run();
    // `finish` throws the error.
    this.#running.catch(() => {});
  }

  /** Ends, once the present task has ended. */
  async stop(): Promise<void> {
    this.#goesOn = false;
    await this.#running;
  }

  /** What the queues hold. Undefined: a task did not end in time. Call it after `stop`, without faults. */
  async finish(): Promise<MovedItems | undefined> {
    if (!(await this.#untilNoneRuns())) return undefined;
    const stored = [];
    for (const queueName of QUEUES) stored.push(...(await storedItems(this.#server().client, queueName, 1)));
    return {
      ...{ produced: this.#items, stored: stored.map(({ payload }) => payload) },
      ...{ moves: this.#moves, otherEnds: this.#otherEnds },
    };
  }

  async #run(): Promise<void> {
    for (let n = 0; this.#goesOn; ) {
      if (!(await this.#untilNoneRuns())) return;
      const [queueName, to] = n % 2 === 0 ? QUEUES : ([QUEUES[1], QUEUES[0]] as const);
      const { client } = this.#server();
      const created = await orUnknown(
        orFail(client.v2.tasks.create({ kind: 'move', queueName, to }, this.#patience)),
      );
      // It may run nevertheless. Then the same items go the same way again: there are none.
      if (created === undefined) continue;
      const end = await this.#endOf(created.id);
      if (end === undefined) return;
      if (end.state === 'done' && end.failed === 0) this.#moves++;
      else this.#otherEnds.push(end);
      n++;
    }
  }

  async #endOf(id: string): Promise<TaskEnd | undefined> {
    const until = performance.now() + PATIENCE_MS;
    while (performance.now() < until) {
      await delay(LOOK_MS);
      const end = await orUnknown(this.#server().tasks.endOf(id));
      if (end !== undefined) return end;
    }
    return undefined;
  }

  /** Waits until no task moves items of the queues. @returns whether that was in time. */
  async #untilNoneRuns(): Promise<boolean> {
    const until = performance.now() + PATIENCE_MS;
    while (performance.now() < until) {
      const { client } = this.#server();
      const running = await orUnknown(
        orFail(client.v2.tasks.list({ state: 'running', kind: 'move' }, this.#patience)),
      );
      if (running?.items.length === 0) return true;
      await delay(LOOK_MS);
    }
    return false;
  }

  #server(): Server {
    return this.#servers[this.#next++ % this.#servers.length] as Server;
  }
}
