import { listQueues } from '@querator/client';
import type { QueueInfo, QueuesPausesResponse } from '@querator/protocol';
import { carryPauses, pausesOf } from '../queues/carry-pauses.ts';
import { createQueues, type TargetQueue } from '../queues/create-queues.ts';
import { repeat } from '../repeat.ts';
import type { MoveOptions, QueuePair } from './move-options.ts';

/**
 * The queues to move, which exist at the target now, paused as at the source, those with
 * a dead-letter queue first.
 * So items that die at the source during the move are found in the other one.
 */
export async function queuePairs(options: MoveOptions): Promise<readonly QueuePair[]> {
  const { from, to, targetNamespace } = options;
  const infos = await queuesToMove(options);
  const pauses = new Map<string, QueuesPausesResponse>();
  for (const { queueName } of infos) {
    const pause = await pausesOf({ ...options, client: from }, queueName);
    if (pause !== undefined) pauses.set(queueName, pause);
  }
  const target = { ...options, client: to, namespace: targetNamespace };
  const targets = await carryPauses(target, await createQueues(target, infos), pauses);
  return infos
    .toSorted((a, b) => Number(a.deadQueue === '') - Number(b.deadQueue === ''))
    .map((info) => ({ info, target: targets.get(info.queueName) as TargetQueue }));
}

async function queuesToMove(options: MoveOptions): Promise<readonly QueueInfo[]> {
  const { from, queues, namespace, signal } = options;
  const infos: QueueInfo[] = [];
  if (queues.length === 0) {
    for await (const info of listQueues(from, { namespace }, { signal })) infos.push(info);
    return infos;
  }
  for (const queueName of new Set(queues)) {
    infos.push(await repeat(options, () => from.queues.info({ queueName }, { signal })));
  }
  return infos;
}
