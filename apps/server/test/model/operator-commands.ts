import type { ImportedItem, ItemId } from '@querator/core';
import type { QueueCall } from '@querator/engine';
import type { ImportChoice } from './command.ts';
import { chooseIds, place, refusalOf } from './consumer-commands.ts';
import { contentOf, nameOf, nthName } from './item-content.ts';
import type { CommandOf, ModelRun } from './model-run.ts';
import { exactly, plus } from './rules/moment.ts';
import { QUEUE_NAMES, type QueueName, type QueueRules, type RuleSettings } from './rules/queue-rules.ts';
import { RuleBroken } from './rules/rule-broken.ts';
import { ruleItem } from './rules/rule-item.ts';
import { FIRST_SETTINGS } from './rules/service-rules.ts';
import { updateQueue, userOf } from './rules/update-rules.ts';

const QUEUE_SHUTS_DOWN = 'queue is shutting down';

/** The commands of operators. Each function runs its command on the service and on the rules. */

export async function update(run: ModelRun, { queue: name, change }: CommandOf<'update'>): Promise<void> {
  const other = QUEUE_NAMES.find((each) => each !== name) as QueueName;
  const request = {
    leaseTimeout: change.leaseTimeout ?? undefined,
    expireTimeout: change.expireTimeout ?? undefined,
    maxAttempts: change.maxAttempts,
    deadQueue: ({ none: '', other, itself: name } as const)[change.deadQueue],
  };
  run.say(`update ${name}: ${JSON.stringify(request)}`);
  const text = (ms: number | undefined) => (ms === undefined ? '' : `${ms}ms`);
  const call = queueCall(name, {
    ...request,
    leaseTimeout: text(request.leaseTimeout),
    expireTimeout: text(request.expireTimeout),
    requestedPartitions: 0,
  });
  run.expectRefusal(
    updateQueue(run.rules, name, request),
    await refusalOf(run.sut.service.queues.update(call)),
  );
}

export async function clear(run: ModelRun, { queue: name, areas }: CommandOf<'clear'>): Promise<void> {
  run.say(`clear ${name}: ${JSON.stringify(areas)}`);
  const isNothing = !areas.queue && !areas.scheduled;
  run.expectRefusal(
    isNothing ? "invalid clear request; one of 'queue', 'scheduled' must be true" : undefined,
    await refusalOf(run.sut.service.queue.clear({ queueName: name, ...areas })),
  );
  if (!isNothing) run.queue(name).clear(areas);
}

export async function importItems(run: ModelRun, command: CommandOf<'import'>): Promise<void> {
  const queue = run.queue(command.queue);
  const partition = command.partition % queue.partitions;
  const items = command.items.map((choice) => importedItem(run, queue, choice));
  const named = items.map(
    (item) => `${nameOf(item)}${item.sourceId ? ` from ${run.label(item.sourceId)}` : ''}`,
  );
  run.say(`import into ${place(queue, partition)}: ${named.join(', ')} ${JSON.stringify(command.items)}`);
  const stored = items.filter((item) => {
    if (item.sourceId !== undefined && queue.holdsSource(item.sourceId, partition)) return false;
    const { sourceId, attempts, enqueueAt, leaseDeadline } = item;
    const until = enqueueAt ?? leaseDeadline;
    queue.items.push(
      ruleItem({
        ...{ name: nameOf(item), partition, sourceId, attempts, createdAt: exactly(run.now) },
        expireDeadline: exactly(item.expireDeadline ?? plus(run.now, queue.settings.expireTimeout)),
        state: enqueueAt ? 'scheduled' : leaseDeadline ? 'leased' : 'waiting',
        until: until && exactly(until),
      }),
    );
    return true;
  });
  const answer = await run.sut.service.storage.importItems({ queueName: queue.name, partition, items });
  const got = answer.map(nameOf).join();
  const expected = stored.map(nameOf).join();
  if (got !== expected) throw new RuleBroken(`import must store [${expected}], and stored [${got}]`);
  for (const { id, ...item } of answer) {
    const rule = queue.items.find(({ name }) => name === nameOf(item)) as { id: ItemId | undefined };
    rule.id = id;
    run.known.add(id, { name: nameOf(item), queue: queue.name, partition });
  }
  // Items that are imported with passed deadlines change their state at once.
  run.rules.pass(exactly(run.now));
}

/** Imports nothing overdue while consumers wait: it would depend on timing what happens first. */
function importedItem(run: ModelRun, queue: QueueRules, choice: ImportChoice): ImportedItem {
  const mayBeOverdue = run.rules.all.every(({ consumers }) => consumers.length === 0);
  const at = (ms: number | null) =>
    ms === null ? undefined : plus(run.now, mayBeOverdue ? ms : Math.abs(ms));
  const enqueueAt = at(choice.enqueueIn);
  const leaseDeadline = enqueueAt === undefined ? at(choice.leaseFor) : undefined;
  return {
    ...contentOf(nthName(run.nextName())),
    sourceId: sourceOf(run, queue, choice),
    isLeased: leaseDeadline !== undefined,
    leaseDeadline,
    enqueueAt,
    expireDeadline: at(choice.expireIn),
    attempts: choice.attempts,
    maxAttempts: 0,
  };
}

/** An item id of the other queue, as if its dead letter had already arrived. With one partition it arrives here. */
function sourceOf(run: ModelRun, queue: QueueRules, { source }: ImportChoice): ItemId | undefined {
  if (source === null || typeof source === 'string') return source ?? undefined;
  const other = run.rules.all.find((each) => each !== queue) as QueueRules;
  return queue.partitions === 1 ? chooseIds(run, other, [source]).ids[0] : undefined;
}

/** Deletes items in any state, and ignores unknown ids. */
export async function deleteItems(run: ModelRun, command: CommandOf<'delete'>): Promise<void> {
  const queue = run.queue(command.queue);
  const { partition, ids } = chooseIds(run, queue, command.ids);
  run.say(`delete in ${place(queue, partition)}: ${ids.map((id) => run.label(id)).join(', ')}`);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  run.expectRefusal(
    twice && `invalid storage id; '${twice}' is listed more than once`,
    await refusalOf(run.sut.service.storage.deleteItems({ queueName: queue.name, partition, ids })),
  );
  if (twice !== undefined) return;
  for (const id of ids) {
    const item = queue.find(partition, id);
    if (item !== undefined) queue.take(item);
  }
}

/** A page starts with the pivot, or with the next greater id if the pivot is gone. */
export async function page(
  run: ModelRun,
  { queue: name, list, pivot: pick, limit }: CommandOf<'page'>,
): Promise<void> {
  const queue = run.queue(name);
  const { partition, ids } = chooseIds(run, queue, [pick]);
  const pivot = ids[0] as ItemId;
  run.say(`list ${limit} ${list} of ${place(queue, partition)} from ${run.label(pivot)}`);
  const call = { queueName: name, partition, pivot, limit };
  const { storage } = run.sut.service;
  const shown = list === 'items' ? await storage.listItems(call) : await storage.listScheduled(call);
  const states = list === 'items' ? (['waiting', 'leased'] as const) : (['scheduled'] as const);
  const expected = queue
    .in(partition, ...states)
    .map(({ id }) => id as ItemId)
    .filter((id) => id >= pivot)
    .sort()
    .slice(0, limit);
  const words = (ids: readonly ItemId[]) => ids.map((id) => run.label(id)).join();
  const got = words(shown.map(({ id }) => id));
  if (got !== words(expected))
    throw new RuleBroken(`the page is [${got}], by the rules [${words(expected)}]`);
}

export async function reload(run: ModelRun, { queue: name }: CommandOf<'reload'>): Promise<void> {
  run.say(`reload ${name}`);
  await run.sut.service.queue.reload(name);
}

/** Refuses pending requests. The next activation of the queue handles what came due meanwhile. */
export async function restart(run: ModelRun, { downFor }: CommandOf<'restart'>): Promise<void> {
  run.say(`restart, down for ${downFor} ms`);
  for (const { consumers } of run.rules.all) {
    for (const consumer of consumers) consumer.ending = QUEUE_SHUTS_DOWN;
  }
  await run.sut.restart(plus(run.now, downFor));
  for (const { name } of run.rules.all) await run.sut.service.queue.stats(name);
  run.rules.pass(exactly(run.now));
}

/** A queue that is deleted and created again is empty, and has its new settings. */
export async function recreate(run: ModelRun, { queue: name }: CommandOf<'recreate'>): Promise<void> {
  run.say(`delete ${name}, and create it again`);
  const queue = run.queue(name);
  const user = userOf(run.rules, name);
  run.expectRefusal(
    user && `queue is in use; '${name}' is the dead_queue of '${user}', update that queue first or use force`,
    await refusalOf(run.sut.service.queues.delete(name, false)),
  );
  if (user !== undefined) return;
  for (const consumer of queue.consumers) consumer.ending = QUEUE_SHUTS_DOWN;
  queue.items = [];
  queue.settings = { ...FIRST_SETTINGS[name], deadQueue: '' };
  await run.sut.service.queues.create(creationOf(queue.name, queue.partitions, queue.settings));
}

export function creationOf(name: QueueName, partitions: number, settings: RuleSettings): QueueCall {
  return queueCall(name, {
    leaseTimeout: `${settings.leaseTimeout}ms`,
    expireTimeout: `${settings.expireTimeout}ms`,
    maxAttempts: settings.maxAttempts,
    deadQueue: settings.deadQueue,
    requestedPartitions: partitions,
  });
}

function queueCall(
  queueName: QueueName,
  rest: Omit<QueueCall, 'queueName' | 'namespace' | 'reference'>,
): QueueCall {
  return { queueName, namespace: '', reference: '', ...rest };
}
