import type { ItemId } from '@querator/core';
import type { IdPick } from './command.ts';
import { contentOf, nthName } from './item-content.ts';
import type { CommandOf, ModelRun } from './model-run.ts';
import { plus } from './rules/moment.ts';
import type { QueueRules } from './rules/queue-rules.ts';
import type { RuleItem } from './rules/rule-item.ts';
import { nextTurn } from './service-under-test.ts';

/** Longer than any sequence, for commands that do not wait. */
const REQUEST_TIMEOUT = '15m';
/** A well-formed id that the service never gave out. */
const NO_ID = '0'.repeat(27);

/** The commands of producers and consumers. Each function runs its command on the service and on the rules. */

export async function produce(run: ModelRun, { queue: name, requests }: CommandOf<'produce'>): Promise<void> {
  const queue = run.queue(name);
  const calls = requests.map((request) => {
    const items = request.map((enqueueIn) => ({
      name: nthName(run.nextName()),
      enqueueAt: enqueueIn === null ? undefined : plus(run.now, enqueueIn),
    }));
    run.say(`produce to ${name}: ${items.map((item, i) => item.name + inMs(request[i] ?? null)).join(', ')}`);
    for (const { name: item, enqueueAt } of items) {
      queue.produce(item, enqueueAt, run.now);
    }
    return run.sut.service.queue.produce({
      queueName: name,
      requestTimeout: REQUEST_TIMEOUT,
      items: items.map((item) => ({ ...contentOf(item.name), enqueueAt: item.enqueueAt })),
    });
  });
  await Promise.all(calls);
}

export async function lease(run: ModelRun, command: CommandOf<'lease'>): Promise<void> {
  const { queue: name, size, wait, leaveAfter } = command;
  const clientId = `c${run.nextClient()}`;
  run.say(
    `${clientId} leases ${size} of ${name}, ${leaveAfter === null ? `waits ${wait} ms` : `leaves after ${leaveAfter} turns`}`,
  );
  const gone = new AbortController();
  run.sut.service.queue
    .lease(
      { queueName: name, clientId, batchSize: size, requestTimeout: `${wait}ms` },
      // For some callers the service calls `isGone`, and listens to their signal only if they wait for long.
      wait % 2 === 0 ? { signal: gone.signal } : { signal: gone.signal, isGone: () => gone.signal.aborted },
    )
    .then(
      (leased) => run.answers.set(clientId, { leased }),
      (error: Error) => run.answers.set(clientId, { refused: error.message }),
    );
  const consumer = { clientId, size, deadline: plus(run.now, wait), ending: undefined as string | undefined };
  run.queue(name).consumers.push(consumer);
  if (leaveAfter === null) return;
  for (let turn = 0; turn < leaveAfter; turn++) await nextTurn();
  gone.abort();
  // It may have got items before it left. If not, it took none.
  consumer.ending = 'the caller is gone';
}

/** A second request with the client id of a pending one is refused. The first one stays pending. */
export async function leaseAgain(run: ModelRun, { queue: name }: CommandOf<'leaseAgain'>): Promise<void> {
  const [waiting] = run.queue(name).consumers;
  if (waiting === undefined) return;
  run.say(`${waiting.clientId} leases of ${name} once more`);
  const call = { queueName: name, clientId: waiting.clientId, batchSize: 1, requestTimeout: REQUEST_TIMEOUT };
  run.expectRefusal(
    'duplicate client id; a client cannot make multiple leased requests to the same queue',
    await refusalOf(run.sut.service.queue.lease(call)),
  );
}

export async function complete(
  run: ModelRun,
  { queue: name, requests }: CommandOf<'complete'>,
): Promise<void> {
  const queue = run.queue(name);
  const calls = requests.map((picks) => {
    const { partition, ids } = chooseIds(run, queue, picks);
    run.say(`complete in ${place(queue, partition)}: ${ids.map((id) => run.label(id)).join(', ')}`);
    const call = { queueName: name, partition, requestTimeout: REQUEST_TIMEOUT, ids };
    return refusalOf(run.sut.service.queue.complete(call)).then((refusal) => ({ partition, ids, refusal }));
  });
  // The service handles them in this order, whatever the order of the replies.
  for (const { partition, ids, refusal } of await Promise.all(calls)) {
    run.expectRefusal(queue.complete(partition, ids), refusal);
  }
}

export async function retry(run: ModelRun, { queue: name, requests }: CommandOf<'retry'>): Promise<void> {
  const queue = run.queue(name);
  const calls = requests.map((request) => {
    const picks = request.map(({ id }) => id);
    const { partition, ids } = chooseIds(run, queue, picks);
    const items = request.map((choice, index) => {
      const id = ids[index] as ItemId;
      return {
        id,
        retryAt: choice.in === null ? undefined : plus(run.now, choice.in),
        dead: choice.dead || isRaced(run, queue, queue.find(partition, id)),
      };
    });
    const words = items.map(
      ({ id, dead }, i) => `${run.label(id)}${dead ? ' as dead' : inMs(request[i]?.in ?? null)}`,
    );
    run.say(`retry in ${place(queue, partition)}: ${words.join(', ')}`);
    const call = { queueName: name, partition, items };
    return refusalOf(run.sut.service.queue.retry(call)).then((refusal) => ({ partition, items, refusal }));
  });
  for (const { partition, items, refusal } of await Promise.all(calls)) {
    run.expectRefusal(run.rules.retry(queue, { partition, items, now: run.now }), refusal);
  }
  // A lease may have kept an item past its expire deadline. Without the lease the next sweep removes it.
  if (run.rules.nextDue(run.now) !== undefined) await run.advance(0);
}

/** An expired item is given back while a consumer waits: it depends on timing whether that consumer gets it. */
function isRaced(run: ModelRun, queue: QueueRules, item: RuleItem | undefined): boolean {
  return item !== undefined && queue.consumers.length > 0 && item.expireDeadline.to < run.now;
}

/** The ids that the picks choose. The first one decides the partition. */
export function chooseIds(
  run: ModelRun,
  queue: QueueRules,
  picks: readonly IdPick[],
): { partition: number; ids: ItemId[] } {
  const [first] = picks;
  const partition = (first && pickFrom(run, queue, first).partition) ?? 0;
  return { partition, ids: picks.map((pick) => pickFrom(run, queue, pick, partition).id) };
}

function pickFrom(
  run: ModelRun,
  queue: QueueRules,
  { of, n }: IdPick,
  partition?: number,
): { id: ItemId; partition: number | undefined } {
  const choice =
    of === 'ever'
      ? run.known.all
      : queue.items.filter(
          (item) => item.state === of && (partition === undefined || item.partition === partition),
        );
  const picked = of === 'never' ? undefined : choice[n % choice.length];
  return { id: picked?.id ?? NO_ID, partition: picked && withinQueue(queue, picked.partition) };
}

function withinQueue(queue: QueueRules, partition: number | undefined): number | undefined {
  return partition === undefined ? undefined : Math.min(partition, queue.partitions - 1);
}

/** The error text of a refused call. Undefined: the call succeeded. */
export function refusalOf(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(
    () => undefined,
    (error: Error) => error.message,
  );
}

export function place(queue: QueueRules, partition: number): string {
  return queue.partitions === 1 ? queue.name : `${queue.name}/${partition}`;
}

function inMs(ms: number | null): string {
  return ms === null ? '' : ` in ${ms} ms`;
}
