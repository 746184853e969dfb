import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@querator/core/testing';
import type { Answer } from '@querator/tooling-processes';
import { Ledger } from './ledger.ts';
import { DEFAULT_OPTIONS, type LoadedQueue, type LoadedServer, type LoadOptions } from './load-options.ts';
import { SuccessTimes } from './success-times.ts';

/** The pause of a client after an answer that asks it to try again. */
const BACK_OFF_MS = 20;
/** The same without an answer: a stopped server refuses at once. */
const NO_ANSWER_MS = 50;
/** A consumer tries to complete its items for that long. */
const COMPLETE_LIMIT_MS = 60_000;
/** How long no item may be acknowledged or completed, on a busy machine. */
const PROGRESS_LIMIT_MS = 120_000;
const PROGRESS_POLL_MS = 20;

/** A leased item. */
interface Leased {
  readonly id: string;
  readonly name: string;
  readonly deadline: number;
  readonly attempts: number;
}

/** The place of leased items. */
interface Place {
  readonly queue_name: string;
  readonly partition: number;
}

/**
 * Producers and consumers of several queues on several servers, each with one
 * request at a time. They do what clients do: batches, schedules, completes,
 * retries now and later, retries as dead, leases that end. The ledger has what
 * they were told.
 *
 * Other loads exist for other purposes. Histories record every call with its times,
 * for a checker that also knows the order of calls. The tests of restarts use the
 * client package, whose behaviour they test. The soak calls a store, at a steady
 * rate. The benchmarks must cost less than the server that they measure.
 */
export class Load {
  readonly ledger = new Ledger();
  readonly successes = new SuccessTimes();
  /** The status of each answer to a producer, in order. */
  readonly answers: number[] = [];
  readonly #options: LoadOptions;
  readonly #random: SeededRandom;
  #servers: readonly LoadedServer[];
  #producers: readonly Promise<void>[] = [];
  #consumers: readonly Promise<void>[] = [];
  #producing = false;
  #consuming = false;
  /** The deliveries at the last look at whether the queues are empty. */
  #deliveriesAtLook = -1;
  /** The first error that no client should get. */
  #error: { readonly cause: unknown } | undefined;
  #clients = 0;

  constructor(servers: readonly LoadedServer[], options: Partial<LoadOptions> = {}) {
    this.#servers = servers;
    this.#options = { ...DEFAULT_OPTIONS, ...options };
    this.#random = new SeededRandom(this.#options.seed);
  }

  /** Creates the queues, the last one first. */
  async createQueues(): Promise<void> {
    for (const { name: queue_name, settings, maxAttempts = 0 } of this.#options.queues.toReversed()) {
      const reply = await this.#first.post('queues.create', {
        ...{ queue_name, lease_timeout: '10s', expire_timeout: '24h', requested_partitions: 1 },
        ...{ max_attempts: maxAttempts, ...settings },
      });
      if (reply?.status !== 200) throw new Error(`queue '${queue_name}' was not created: ${reply?.message}`);
    }
  }

  /** Starts this number of producers and consumers of each queue at each server. */
  start(each: number, { consumers = each } = {}): void {
    const { queues } = this.#options;
    const atAll = (count: number, run: (server: LoadedServer, queue: LoadedQueue) => Promise<void>) =>
      this.#servers.flatMap((server) =>
        queues.flatMap((queue) => Array.from({ length: count }, () => this.#watch(run(server, queue)))),
      );
    this.#producing = true;
    this.#consuming = true;
    this.#producers = atAll(each, (server, queue) => this.#produce(server, queue));
    this.#consumers = atAll(consumers, (server, queue) => this.#consume(server, queue));
  }

  /** Starts calling other servers on the same storages, at the next `start`. */
  moveTo(servers: readonly LoadedServer[]): void {
    this.#servers = servers;
  }

  /** Waits until `count` more items are acknowledged and, with consumers, as many completed. */
  async more(count: number): Promise<void> {
    const { acknowledged, completions } = this.ledger;
    const isDone = () =>
      this.ledger.acknowledged - acknowledged > count &&
      (this.#consumers.length === 0 || this.ledger.completions - completions > count);
    await this.#until(async () => isDone());
  }

  /** Stops all clients. @throws never; see `settle`. */
  async stop(): Promise<void> {
    await this.#stopProducers();
    this.#consuming = false;
    await Promise.all(this.#consumers);
  }

  /**
   * Stops the producers, and completes everything, scheduled items and ended leases
   * included.
   *
   * @param lease the most items of a lease of the further consumer of each queue. Undefined: as of all others.
   * @throws the first error that no client should get.
   */
  async settle({ lease }: { readonly lease?: number } = {}): Promise<void> {
    await this.#stopProducers();
    this.#consuming = true;
    const queues = this.#options.queues.map((queue) => ({ ...queue, lease: lease ?? queue.lease }));
    this.#consumers = [
      ...this.#consumers,
      ...queues.map((queue) => this.#watch(this.#consume(this.#first, queue))),
    ];
    await this.#until(() => this.#isEmpty());
    await this.stop();
    if (this.#error !== undefined) throw this.#error.cause;
  }

  /** Produces items of these names and records the answer. @param schedule milliseconds since the epoch. */
  async produceOnce(
    server: LoadedServer,
    names: readonly string[],
    {
      queue = this.#options.queues[0]?.name,
      request_timeout = this.#options.produceTimeout,
      schedule = 0,
    } = {},
  ): Promise<Answer | undefined> {
    const { payload } = this.#options;
    const at = schedule === 0 ? {} : { enqueue_at: new Date(schedule).toISOString() };
    for (const name of names) this.ledger.expect(name, schedule);
    const answer = await server.post('queue.produce', {
      ...{ queue_name: queue, request_timeout },
      items: names.map((reference) => ({ reference, utf8: payload?.() ?? reference, ...at })),
    });
    const isUnknown = mayHaveTakenEffect(answer, 'outcome unknown');
    const what = answer?.status === 200 ? 'acknowledged' : isUnknown ? 'unknown' : 'refused';
    for (const name of names) this.ledger.produced(name, what);
    if (what === 'acknowledged') this.successes.add('produce', queue ?? '');
    this.answers.push(answer?.status ?? 0);
    return answer;
  }

  get #first(): LoadedServer {
    const [server] = this.#servers;
    if (server === undefined) throw new Error('a load needs a server');
    return server;
  }

  async #watch(client: Promise<void>): Promise<void> {
    await client.catch((cause: unknown) => {
      this.#error ??= { cause };
    });
  }

  async #until(isDone: () => Promise<boolean>): Promise<void> {
    let giveUpAt = performance.now() + PROGRESS_LIMIT_MS;
    let before = -1;
    while (!(await isDone())) {
      if (this.#error !== undefined) throw this.#error.cause;
      const { acknowledged, completions } = this.ledger;
      if (acknowledged + completions > before) {
        before = acknowledged + completions;
        giveUpAt = performance.now() + PROGRESS_LIMIT_MS;
      }
      if (performance.now() > giveUpAt) {
        throw new Error(`no progress: ${acknowledged} items acknowledged, ${completions} completed`);
      }
      await delay(PROGRESS_POLL_MS);
    }
  }

  async #stopProducers(): Promise<void> {
    if (this.#producing) this.successes.end();
    this.#producing = false;
    await Promise.all(this.#producers);
  }

  async #isEmpty(): Promise<boolean> {
    // A count of many items takes long, and is not needed while consumers get some.
    const { deliveries } = this.ledger;
    const isQuiet = deliveries === this.#deliveriesAtLook;
    this.#deliveriesAtLook = deliveries;
    if (!isQuiet) return false;
    for (const { name: queue_name } of this.#options.queues) {
      const reply = await this.#first.post('queue.stats', { queue_name });
      if (reply?.status !== 200) return false;
      const partitions = reply.json.logicalQueues[0].partitions as Record<string, unknown>[];
      const counts = partitions.flatMap(({ total, scheduled, failures }) => [total, scheduled, failures]);
      if (counts.some((count) => Number(count ?? 0) > 0)) return false;
    }
    return true;
  }

  async #produce(server: LoadedServer, { name: queue, produce }: LoadedQueue): Promise<void> {
    const client = `${queue}-${this.#clients++}`;
    const { scheduled, delayMs } = this.#options;
    for (let n = 0; this.#producing && produce > 0; n++) {
      const length = 1 + Math.floor(this.#random.fraction() * produce);
      const names = Array.from({ length }, (_, i) => `${client}-${n}-${i}`);
      const isScheduled = this.#random.fraction() < scheduled;
      const schedule = isScheduled ? Date.now() + Math.round(delayMs * (1 + 2 * this.#random.fraction())) : 0;
      const answer = await this.produceOnce(server, names, { queue, schedule });
      if (answer?.status === 200) await this.#pause();
      else await this.#backOff(answer);
    }
  }

  async #consume(server: LoadedServer, queue: LoadedQueue): Promise<void> {
    const ascendingFor = queue.ascending === true ? `reader-${this.#clients++}` : undefined;
    while (this.#consuming) {
      // A suspended server may keep a request that its client has given up.
      const client_id = `consumer-${this.#clients++}`;
      // A request that ends while it gets an item returns it to its old place, and others get later ones before.
      const request_timeout = queue.ascending === true ? '30s' : '1s';
      const request = { queue_name: queue.name, client_id, batch_size: queue.lease, request_timeout };
      const answer = await server.post('queue.lease', request);
      if (answer?.status !== 200) {
        await this.#backOff(answer);
        continue;
      }
      const items = this.#itemsOf(answer);
      const place = { queue_name: queue.name, partition: Number(answer.json.partition ?? 0) };
      const where = this.#options.severalDatabases ? `${place.partition} of ${queue.name}` : undefined;
      for (const item of items) this.ledger.delivered({ ...item, place: where, ascendingFor });
      await this.#handle(server, queue, place, items);
      await this.#pause();
    }
  }

  #itemsOf({ json }: Answer): readonly Leased[] {
    return (json.items as Record<string, string>[]).map((item) => {
      const { id = '', reference = '', bytes = '' } = item;
      const payload = Buffer.from(bytes, 'base64').toString();
      const isWhole = this.#options.payload !== undefined || payload === reference;
      return {
        id,
        name: isWhole ? reference : `${reference} with the payload '${payload}'`,
        deadline: Date.parse(item['lease_deadline'] ?? item['leaseDeadline'] ?? ''),
        attempts: Number(item['attempts'] ?? 0),
      };
    });
  }

  /** Completes items, except for those with a setback. */
  async #handle(
    server: LoadedServer,
    queue: LoadedQueue,
    place: Place,
    items: readonly Leased[],
  ): Promise<void> {
    const groups = Map.groupBy(items, () => (this.#producing ? this.#setbackIn(queue) : undefined));
    const later = Date.now() + Math.round(this.#options.delayMs * 1.5);
    const retries = [
      ...(groups.get('retry') ?? []).map((item) => ({ item, dueAt: 0, fields: {} })),
      ...(groups.get('later') ?? []).map((item) => ({
        item,
        // Its letter is not scheduled.
        dueAt: item.attempts === queue.maxAttempts ? 0 : later,
        fields: { retry_at: new Date(later).toISOString() },
      })),
      ...(groups.get('dead') ?? []).map((item) => ({ item, dueAt: 0, fields: { dead: true } })),
    ];
    if (retries.length > 0) {
      for (const { item, dueAt } of retries) this.ledger.retrying(item.name, dueAt);
      const answer = await server.post('queue.retry', {
        ...place,
        items: retries.map(({ item, fields }) => ({ id: item.id, ...fields })),
      });
      // 400: a lease has ended, and another consumer gets the item.
      if (answer?.status !== 200 && answer?.status !== 400) await this.#backOff(answer);
    }
    const rest = groups.get(undefined) ?? [];
    if (rest.length > 0) await this.#complete(server, place, rest);
  }

  #setbackIn({ setbacks = {} }: LoadedQueue) {
    let left = this.#random.fraction();
    for (const setback of ['retry', 'later', 'dead', 'abandon'] as const) {
      left -= setbacks[setback] ?? 0;
      if (left < 0) return setback;
    }
    return undefined;
  }

  /**
   * Repeats a complete until the answer is definite, as the documentation asks of
   * clients. Without an answer the server may be gone.
   */
  async #complete(server: LoadedServer, place: Place, items: readonly Leased[]): Promise<void> {
    const request = { ...place, ids: items.map(({ id }) => id), request_timeout: '10s' };
    const giveUpAt = performance.now() + COMPLETE_LIMIT_MS;
    for (let perhaps = false; performance.now() < giveUpAt; ) {
      const { era } = this.ledger;
      const answer = await server.post('queue.complete', request);
      if (answer?.status === 200) {
        for (const { name } of items) this.ledger.completed(name, 'yes', era);
        this.successes.add('complete', place.queue_name);
        return;
      }
      // 400: an earlier attempt has completed them, or the lease has ended.
      if (answer?.status === 400) return;
      if (!perhaps && mayHaveTakenEffect(answer, 'internal error')) {
        perhaps = true;
        for (const { name } of items) this.ledger.completed(name, 'perhaps');
      }
      await this.#backOff(answer);
      if (answer?.status !== 454) return;
    }
  }

  async #pause(): Promise<void> {
    const { pauseMs } = this.#options;
    if (pauseMs > 0 && this.#producing) await delay(pauseMs);
  }

  /** @throws Error for an answer that clients must not get. */
  async #backOff(answer: Answer | undefined): Promise<void> {
    const { serversEnd } = this.#options;
    if (answer === undefined && serversEnd) return delay(NO_ANSWER_MS);
    if (answer?.status === 454 || (answer?.status === 453 && serversEnd)) return delay(BACK_OFF_MS);
    throw new Error(answer === undefined ? 'no answer' : `${answer.status} ${answer.message}`);
  }
}

/** Whether a request without success may have taken effect. @param words those of the message that says so. */
function mayHaveTakenEffect(answer: Answer | undefined, words: string): boolean {
  return answer === undefined || answer.status >= 500 || answer.message.includes(words);
}
