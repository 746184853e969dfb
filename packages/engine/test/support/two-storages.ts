import { addDuration, type Clock, type Instant, milliseconds } from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { createService, type QueueCall } from '../../src/index.ts';
import { item, payloadOf, queueCall } from './harness.ts';
import { TransferRun } from './transfer-run.ts';

/** The texts of the items of most tests, in their order. */
export const TEXTS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const FAULTS = ['not-applied', 'unknown-applied', 'unknown-lost'] as const;
/** The storage calls of a move, each with the storage that it goes to. */
export const CALLS = [
  ['takenItems', 'near'],
  ['takeItems', 'near'],
  ['prepareLetters', 'far'],
  ['markTaken', 'near'],
  ['commitLetters', 'far'],
  ['removeTaken', 'near'],
] as const;
/** How a call of a move can fail. */
export const EACH_FAULT = CALLS.flatMap(([call, where]) => FAULTS.map((how) => [call, where, how] as const));

export { FAULTS };

interface Options {
  readonly settings?: Partial<QueueCall>;
  /** When the items are due, in milliseconds from now. Undefined: at once. */
  readonly dueInMs?: number;
  /** What the clock of the target is ahead, in milliseconds. Default: 0. */
  readonly targetAheadMs?: number;
}

/** A queue on one storage with these items, and one on another storage. */
export async function startTwoStorages(texts: readonly string[] = TEXTS, options: Options = {}) {
  const { settings = {}, dueInMs, targetAheadMs = 0 } = options;
  const clock = new ManualClock();
  const random = new SeededRandom();
  const farClock: Clock = {
    now: () => addDuration(clock.now(), milliseconds(targetAheadMs)),
    startTimer: (...timer) => clock.startTimer(...timer),
  };
  const storages = {
    near: new FaultyStorage(memoryBackend({ name: 'near', clock, random })),
    far: new FaultyStorage(memoryBackend({ name: 'far', clock: farClock, random })),
  };
  const given = {
    ...{ clock, random, queueStore: storages.near.queueStore() },
    storages: Object.values(storages).map((backend) => ({ backend, affinity: 1 })),
  };
  const service = createService({ ...given, limits: { statementsInFlight: 1 } });
  const create = (name: string, storageName: string) =>
    service.queues.create(queueCall(name, settings), { partitions: [{ partition: 0, storageName }] });
  await create('from', 'near');
  await create('to', 'far');
  const produceAt = (enqueueAt: Instant | undefined, ...some: readonly string[]) =>
    service.queue.produce({
      ...{ queueName: 'from', requestTimeout: '1m' },
      items: some.map((text) => item(text, { enqueueAt })),
    });
  const dueAt = dueInMs === undefined ? undefined : addDuration(clock.now(), milliseconds(dueInMs));
  if (texts.length > 0) await produceAt(dueAt, ...texts);
  await clock.advance('1s');
  const move = () => TransferRun.create(given, { queueName: 'from', to: 'to' });
  const list = async (queue: 'from' | 'to', state: 'queued' | 'scheduled' | 'prepared') =>
    storages[queue === 'from' ? 'near' : 'far']
      .partitionStore({ queue, partition: 0 })
      .list({ state, pivot: '', limit: 1_000, details: true });
  const texted = async (...place: Parameters<typeof list>) => (await list(...place)).map(payloadOf);
  let clients = 0;
  const lease = (queueName: string, batchSize: number) =>
    service.queue
      .lease({ queueName, batchSize, clientId: `c${clients++}`, requestTimeout: '1m' })
      .then(({ items }) => items);
  const produce = (...some: readonly string[]) => produceAt(undefined, ...some);
  return { clock, service, storages, dueAt, move, list, texted, produce, produceAt, lease };
}
