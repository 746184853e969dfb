import type { Client } from '@querator/client';
import type { ItemsItem, QueueInfo, QueuesPausesResponse, QuotaLimits, Schedule } from '@querator/protocol';
import { KeyDigests } from '../items/compare-keys.ts';
import { type KeyCounts, KeyImporter } from '../items/dedup-keys.ts';
import { type DigestValue, ItemDigest } from '../items/item-digest.ts';
import { KeyedImporter } from '../items/keyed-importer.ts';
import { carryPauses, type PausesOfQueues } from '../queues/carry-pauses.ts';
import { createQueues, type TargetQueue } from '../queues/create-queues.ts';
import { type CarriedQuota, carryQuotas } from '../queues/quotas.ts';
import { repeat, type Work } from '../repeat.ts';
import { importSchedules } from '../schedules/import-schedules.ts';
import { ArchiveFault } from './archive-fault.ts';
import type { ArchiveLine } from './archive-lines.ts';

export interface ImportOptions extends Work {
  readonly client: Client;
  readonly lines: AsyncIterable<ArchiveLine>;
  /** What to import. Empty: all queues of the archive. */
  readonly queues: readonly string[];
  /** Where new queues go. Undefined: the namespace that each had. */
  readonly namespace?: string | undefined;
  /** How long an import of the same items may be repeated, such as `24h`. */
  readonly window: string;
  /** Called with the number of items of the queue so far. */
  readonly progress?: ((queue: string, items: number) => void) | undefined;
  /** Called in the end with what became of the quotas of the namespaces of these queues. */
  readonly quotas?: ((quotas: readonly CarriedQuota[]) => void) | undefined;
}

/** What became of a queue of an archive. */
export interface ImportedQueue extends TargetQueue {
  /** What the archive has of it. */
  readonly archived: DigestValue;
  /** Items that this import stored. */
  readonly stored: number;
  /** Items that an earlier import stored, or that the archive has twice. */
  readonly present: number;
  /** What became of the dedup keys that the archive has of it. */
  readonly keys: KeyCounts;
  /** The dedup keys that the archive has of it, to compare them with those of the queue. */
  readonly archivedKeys: KeyDigests;
  /** Schedules that were active when they were exported, and are paused now. */
  readonly pausedSchedules: readonly string[];
}

/**
 * Imports the queues of an archive: creates those that do not exist, pauses those that
 * were paused, adds the dedup keys and the items, and then creates the schedules, paused, and sets the quotas.
 * May be repeated after any interruption within the window: an item is stored once,
 * whatever has become of it.
 *
 * @throws ArchiveFault if the archive is not what it should be. ItemRefused. The error of a call.
 */
export async function importArchive(options: ImportOptions): Promise<ReadonlyMap<string, ImportedQueue>> {
  const { lines, queues, progress } = options;
  const infos: QueueInfo[] = [];
  const pauses = new Map<string, QueuesPausesResponse>();
  const schedules: Schedule[] = [];
  const quotas = new Map<string, QuotaLimits>();
  const sections = new Map<string, Section>();
  const isChosen = (name: string) => queues.length === 0 || queues.includes(name);
  let targets: ReadonlyMap<string, TargetQueue> | undefined;
  let section: Section | undefined;
  let archive = '';
  for await (const line of lines) {
    if (line.is === 'header') archive = line.header.id;
    if (line.is === 'queue' && isChosen(line.info.queueName)) {
      infos.push(line.info);
      if (line.pause !== undefined) pauses.set(line.info.queueName, line.pause);
    }
    if (line.is === 'schedule' && isChosen(line.schedule.queueName)) schedules.push(line.schedule);
    if (line.is === 'quota' && infos.some((info) => info.namespace === line.namespace)) {
      quotas.set(line.namespace, line.limits);
    }
    if (line.is === 'section') {
      await flush(section);
      targets ??= await targetsOf(options, infos, pauses);
      section = undefined;
      const target = targets.get(line.queue);
      if (target === undefined) continue;
      section = sections.get(line.queue) ?? newSection(options, line.queue, target);
      sections.set(line.queue, section);
    }
    if (line.is === 'key' && section !== undefined) {
      section.digest.addKey(line.key);
      section.archivedKeys.add(line.key);
      await section.keys.add(line.key);
    }
    if (line.is === 'item' && section !== undefined) {
      await addItem(section, line.item, archive);
      progress?.(section.queue, section.digest.value.items);
    }
  }
  await flush(section);
  targets ??= await targetsOf(options, infos, pauses);
  const paused = await importSchedules(options, schedules);
  options.quotas?.(await carryQuotas(options, quotas, options.namespace));
  return new Map(
    infos.map(({ queueName }) => {
      const { digest, importer, keys, archivedKeys = new KeyDigests() } = sections.get(queueName) ?? {};
      const counts = { ...(importer?.counts ?? NONE), keys: keys?.counts ?? NONE };
      const target = targets.get(queueName) as TargetQueue;
      const archived = digest?.value ?? new ItemDigest().value;
      const pausedSchedules = paused.get(queueName) ?? [];
      return [queueName, { ...target, archived, archivedKeys, ...counts, pausedSchedules }];
    }),
  );
}

const NONE = { stored: 0, present: 0 };

interface Section {
  readonly queue: string;
  readonly keys: KeyImporter;
  readonly partitions: number;
  readonly importer: KeyedImporter;
  readonly digest: ItemDigest;
  readonly archivedKeys: KeyDigests;
}

function newSection(options: ImportOptions, queue: string, { partitions }: TargetQueue): Section {
  const importer = new KeyedImporter({ ...options, queueName: queue });
  return {
    ...{ queue, partitions, importer, keys: new KeyImporter(options, queue) },
    ...{ digest: new ItemDigest(), archivedKeys: new KeyDigests() },
  };
}

async function flush(section: Section | undefined): Promise<void> {
  await section?.keys.flush();
  await section?.importer.flush();
}

async function addItem(
  { queue, importer, keys, digest, partitions }: Section,
  item: ItemsItem,
  archive: string,
): Promise<void> {
  if (item.firstId === '') throw new ArchiveFault(`an item of queue '${queue}' has no first_id`);
  // No producer of the new queue repeats what the items protect before it knows the keys.
  await keys.flush();
  digest.add(item);
  const partition = item.partition % partitions;
  await importer.add({ key: `import/${archive}/${item.firstId}`, item: { ...item, partition } });
}

async function targetsOf(
  options: ImportOptions,
  infos: readonly QueueInfo[],
  pauses: PausesOfQueues,
): Promise<ReadonlyMap<string, TargetQueue>> {
  const missing = options.queues.find((name) => !infos.some(({ queueName }) => queueName === name));
  if (missing !== undefined) throw new ArchiveFault(`it has no queue '${missing}'`);
  return carryPauses(options, await createQueues(options, infos), pauses);
}

/**
 * Reads a queue, and tells what it holds: what an import has stored, if the queue was
 * empty before and nobody has worked on it since.
 *
 * @throws the error of a call.
 */
export async function digestOfQueue(
  options: Work & { readonly client: Client },
  queueName: string,
): Promise<DigestValue> {
  const { client, signal } = options;
  const digest = new ItemDigest();
  let cursor = '';
  do {
    const request = { queueName, cursor, limit: 1_000 };
    const page = await repeat(options, () => client.v2.items.export(request, { signal }));
    for (const item of page.items) digest.add(item);
    cursor = page.cursor;
  } while (cursor !== '');
  return digest.value;
}
