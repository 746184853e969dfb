import { setTimeout as delay } from 'node:timers/promises';
import type { MovedItems, TaskEnd } from '../history/history.ts';
import type { ItemMoveCalls } from '../history/item-move-calls.ts';
import type { MovingPlace } from '../history/move-calls.ts';
import { orUnknown } from '../history/queue-calls.ts';

const QUEUES = ['here', 'there'] as const;
const ITEMS = 400;
const LOOK_MS = 25;
const BEGIN_ATTEMPTS = 10;
/** How long one task may take: storage may be down, and partitions move. */
const PATIENCE_MS = 60_000;

/**
 * Tasks of the kind `move` carry the items of one queue to another one and back, through all faults. The queues have
 * no consumers, and each has one partition, so all items have to be there at the end, in their order.
 */
export class ItemMover {
  readonly #servers: readonly ItemMoveCalls[];
  readonly #items = Array.from({ length: ITEMS }, (_, n) => `moved${n}`);
  readonly #otherEnds: TaskEnd[] = [];
  /** The server of the next call: a server may be down. */
  #next = 0;
  #moves = 0;
  #goesOn = true;
  #running: Promise<void> = Promise.resolve();

  /** @param servers the calls on each server, which takes them by turns. */
  constructor(servers: readonly ItemMoveCalls[]) {
    this.#servers = servers;
  }

  /** Its partitions, which another operator may move. */
  get places(): readonly MovingPlace[] {
    return QUEUES.map((queueName) => ({ queueName, partition: 0 }));
  }

  /** Creates the queues and the items, before any fault, and begins to move them. */
  async begin(): Promise<void> {
    const server = this.#server();
    for (const queueName of QUEUES) await server.create(queueName);
    // Under the key they are stored once, however slow the machine is.
    const isStored = () =>
      orUnknown(server.produce(QUEUES[0], this.#items, 'moved').then((): boolean => true));
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
    const stored: string[] = [];
    for (const queueName of QUEUES) stored.push(...(await this.#server().stored(queueName)));
    return {
      ...{ produced: this.#items, stored },
      ...{ moves: this.#moves, otherEnds: this.#otherEnds },
    };
  }

  async #run(): Promise<void> {
    for (let n = 0; this.#goesOn; ) {
      if (!(await this.#untilNoneRuns())) return;
      const [queueName, to] = n % 2 === 0 ? QUEUES : ([QUEUES[1], QUEUES[0]] as const);
      const id = await orUnknown(this.#server().move(queueName, to));
      // It may run nevertheless. Then the same items go the same way again: there are none.
      if (id === undefined) continue;
      const end = await this.#endOf(id);
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
      const end = await orUnknown(this.#server().endOf(id));
      if (end !== undefined) return end;
    }
    return undefined;
  }

  /** Waits until no task moves items of the queues. @returns whether that was in time. */
  async #untilNoneRuns(): Promise<boolean> {
    const until = performance.now() + PATIENCE_MS;
    while (performance.now() < until) {
      if ((await orUnknown(this.#server().running())) === 0) return true;
      await delay(LOOK_MS);
    }
    return false;
  }

  #server(): ItemMoveCalls {
    return this.#servers[this.#next++ % this.#servers.length] as ItemMoveCalls;
  }
}
