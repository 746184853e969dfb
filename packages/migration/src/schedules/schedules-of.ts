import type { Client } from '@querator/client';
import { QueueError } from '@querator/core';
import type { Schedule } from '@querator/protocol';
import { repeat, type Work } from '../repeat.ts';

/** The documented answer of a server whose storage has no schedules. It does not pass. */
const KEEPS_NONE = 'queues cannot have schedules; their storage does not keep them';

/**
 * Reads schedules that have not ended.
 *
 * @param queueName empty: of all queues of the namespace.
 * @returns `hidden` if the caller may not see them. None if the server knows no schedules.
 * @throws the error of a call.
 */
export async function schedulesOf(
  options: Work & { readonly client: Client },
  namespace: string,
  queueName: string,
): Promise<readonly Schedule[] | 'hidden'> {
  const found: Schedule[] = [];
  let cursor = '';
  do {
    const page = await repeat(options, () => readPage(options, { namespace, queueName, cursor }));
    if (page === 'hidden') return page;
    found.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== '');
  return found.filter(({ state }) => state !== 'ended');
}

async function readPage(
  { client, signal }: Work & { readonly client: Client },
  request: { readonly namespace: string; readonly queueName: string; readonly cursor: string },
) {
  try {
    return await client.v2.schedules.list(request, { signal });
  } catch (error) {
    if (!(error instanceof QueueError)) throw error;
    if (error.code === 'forbidden') return 'hidden';
    if (error.code === 'unknown_method' || error.message === KEEPS_NONE) return { items: [], cursor: '' };
    throw error;
  }
}

/**
 * Reads the schedules of a namespace that have not ended, by their names.
 *
 * @throws the error of a call; `forbidden` if the caller may not see them.
 */
export async function schedulesByName(
  options: Work & { readonly client: Client },
  namespace: string,
): Promise<ReadonlyMap<string, Schedule>> {
  const found = await schedulesOf(options, namespace, '');
  if (found !== 'hidden') return new Map(found.map((schedule) => [schedule.name, schedule]));
  throw new QueueError('forbidden', 'the schedules need the permission queue.update at the target');
}

/** The namespace of a queue, which is that of its schedules. @throws the error of the call. */
export async function namespaceOf(
  options: Work & { readonly client: Client },
  queueName: string,
): Promise<string> {
  const { client, signal } = options;
  const info = await repeat(options, () => client.queues.info({ queueName }, { signal }));
  return info.namespace;
}
