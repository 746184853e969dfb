import { type Client, listQueues } from '@querator/client';
import type { QueueInfo } from '@querator/protocol';
import { type KeysLeftOut, readKeys } from '../items/dedup-keys.ts';
import { type DigestValue, ItemDigest } from '../items/item-digest.ts';
import { pausesOf } from '../queues/carry-pauses.ts';
import { quotaOf } from '../queues/quotas.ts';
import { repeat, type Work } from '../repeat.ts';
import { schedulesOf } from '../schedules/schedules-of.ts';
import { ArchiveFault } from './archive-fault.ts';
import type { ArchiveHeader } from './archive-lines.ts';
import { type ArchiveSink, ArchiveWriter, type ResumePoint } from './archive-writer.ts';

const PAGE = 1_000;
/** A part ends with the page that takes it beyond so many bytes. */
const PART_BYTES = 4_000_000;

export interface ExportOptions extends Work {
  readonly client: Client;
  readonly sink: ArchiveSink;
  /** Undefined: begin. */
  readonly resume?: ResumePoint | undefined;
  /** What to export. Empty: all queues of the namespace. Not used by an export that is resumed. */
  readonly queues: readonly string[];
  /** Undefined: the system namespace. */
  readonly namespace?: string | undefined;
  /** The time, in RFC 3339. */
  readonly now: () => string;
  /** Called after each page with the number of items of the queue so far. */
  readonly progress?: ((queue: string, items: number) => void) | undefined;
  /** Called for each queue whose schedules the caller may not see. They are left out. */
  readonly schedulesHidden?: ((queue: string) => void) | undefined;
  /** Called for each namespace whose quota the caller may not see. It is left out. */
  readonly quotaHidden?: ((namespace: string) => void) | undefined;
  /** Called for each queue whose dedup keys are left out. */
  readonly keysLeftOut?: ((queue: string, reason: KeysLeftOut) => void) | undefined;
}

/** What an export wrote, by queues. */
export type ExportReport = ReadonlyMap<string, DigestValue>;

/**
 * Writes queues with their settings, pauses, schedules, quotas, dedup keys and items into an archive.
 *
 * An item is read at least once, whatever happens to it meanwhile, unless it leaves the
 * queue. If it goes back to the tail of its queue, it may be read twice: the import
 * recognises it by its first id. The keys are read before the items: no key is in the archive without
 * the item that it protects, unless that has left its queue.
 *
 * @throws ArchiveFault if the caller may not see first ids. The error of a call.
 */
export async function exportQueues(options: ExportOptions): Promise<ExportReport> {
  const { sink, resume } = options;
  const writer = new ArchiveWriter(sink, resume?.chain);
  const plan = resume ?? (await begin(options, writer));
  const written = [...plan.written];
  let { cursor, keysCursor } = plan;
  for (const [n, queue] of plan.queues.entries()) {
    const isBegun = n < written.length;
    if (isBegun && (n < written.length - 1 || (cursor === '' && keysCursor === undefined))) continue;
    const digest = new ItemDigest(isBegun ? written[n] : undefined);
    if (!isBegun) {
      writer.add({ is: 'section', queue });
      keysCursor = '';
    }
    if (keysCursor !== undefined) {
      await exportKeys(options, { queue, cursor: keysCursor, digest, writer }, async (next) => {
        written[n] = digest.value;
        await writer.checkpoint({ ...plan, written: [...written], cursor: '', keysCursor: next });
      });
    }
    keysCursor = undefined;
    do {
      cursor = await exportPage(options, { queue, cursor, digest, writer });
      written[n] = digest.value;
      options.progress?.(queue, digest.value.items);
      if (cursor !== '' && writer.pendingBytes < PART_BYTES) continue;
      await writer.checkpoint({ ...plan, written: [...written], cursor, keysCursor });
    } while (cursor !== '');
  }
  const report = new Map(plan.queues.map((queue, n) => [queue, written[n] as DigestValue]));
  await writer.end(report);
  return report;
}

/** Writes what comes before the items. */
async function begin(options: ExportOptions, writer: ArchiveWriter): Promise<Omit<ResumePoint, 'chain'>> {
  const { random, now } = options;
  const header: ArchiveHeader = { id: random.base62(20), createdAt: now() };
  writer.add({ is: 'header', header });
  const infos = await queuesOf(options);
  for (const info of infos) {
    writer.add({ is: 'queue', info, pause: await pausesOf(options, info.queueName) });
    const schedules = await schedulesOf(options, info.namespace, info.queueName);
    if (schedules === 'hidden') options.schedulesHidden?.(info.queueName);
    else for (const schedule of schedules) writer.add({ is: 'schedule', schedule });
  }
  for (const namespace of new Set(infos.map((info) => info.namespace))) {
    const limits = await quotaOf(options, namespace);
    if (limits === 'hidden') options.quotaHidden?.(namespace);
    else if (limits !== undefined) writer.add({ is: 'quota', namespace, limits });
  }
  const plan = { header, queues: infos.map(({ queueName }) => queueName), written: [], cursor: '' };
  await writer.checkpoint(plan);
  return plan;
}

async function queuesOf(options: ExportOptions): Promise<readonly QueueInfo[]> {
  const { client, queues, namespace, signal } = options;
  if (queues.length === 0) {
    return repeat(options, () => collected(listQueues(client, { namespace }, { signal })));
  }
  const infos: QueueInfo[] = [];
  for (const queueName of new Set(queues)) {
    infos.push(await repeat(options, () => client.queues.info({ queueName }, { signal })));
  }
  return infos;
}

/** What of a queue is written next. */
interface Place {
  readonly queue: string;
  readonly cursor: string;
  readonly digest: ItemDigest;
  readonly writer: ArchiveWriter;
}

/** Writes the dedup keys of a queue. @param endPart ends a part of the archive, from where the next keys follow. */
async function exportKeys(
  options: ExportOptions,
  { queue, cursor, digest, writer }: Place,
  endPart: (next: string) => Promise<void>,
): Promise<void> {
  for (let next = cursor; ; ) {
    const page = await readKeys(options, queue, next);
    if (typeof page === 'string') {
      options.keysLeftOut?.(queue, page);
      return;
    }
    for (const key of page.keys) {
      digest.addKey(key);
      writer.add({ is: 'key', key });
    }
    if (page.cursor === '') return;
    next = page.cursor;
    if (writer.pendingBytes >= PART_BYTES) await endPart(next);
  }
}

/** Writes a page of items. @returns the cursor of the next one. */
async function exportPage(options: ExportOptions, { queue, cursor, digest, writer }: Place): Promise<string> {
  const { client, signal } = options;
  const request = { queueName: queue, cursor, limit: PAGE };
  const page = await repeat(options, () => client.v2.items.export(request, { signal }));
  for (const item of page.items) {
    if (item.firstId === '') {
      throw new ArchiveFault(
        `the first ids of leased items of queue '${queue}' are hidden from this caller, who lacks the permission queue.complete; an import could not recognise them`,
      );
    }
    digest.add(item);
    writer.add({ is: 'item', item });
  }
  return page.cursor;
}

async function collected<T>(elements: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const element of elements) all.push(element);
  return all;
}
