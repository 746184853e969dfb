import type { Client } from '@querator/client';
import { codecs } from '@querator/protocol';
import { type ImportCounts, KeyedImporter } from '../items/keyed-importer.ts';
import { createQueues } from '../queues/create-queues.ts';
import type { Work } from '../repeat.ts';
import {
  type ForeignQueue,
  type ForeignSystem,
  ForeignSystemFault,
  type JobCounts,
} from './foreign-system.ts';

export interface CopyOptions extends Work {
  readonly system: ForeignSystem;
  /** Undefined: nothing is copied, and only the report is made. */
  readonly to: Client | undefined;
  /** What to copy. Empty: all queues of the system. */
  readonly queues: readonly string[];
  /** Where new queues go. Undefined: the system namespace. */
  readonly namespace?: string | undefined;
  /** How long the copy may be repeated, such as `24h`. */
  readonly window: string;
  /** Called with the number of jobs of the queue so far. */
  readonly progress?: ((queue: string, jobs: number) => void) | undefined;
}

/** What became of a queue. */
export interface CopiedQueue extends ImportCounts {
  readonly queue: string;
  /** The jobs that are to be worked on, by the state of their items. */
  readonly jobs: JobCounts;
  /** Jobs that are not copied, by their state in the system. */
  readonly staying: ReadonlyMap<string, number>;
  /** What has no equivalent, and how many jobs have it. 0: the queue itself. */
  readonly lacks: ReadonlyMap<string, number>;
}

/**
 * Copies the jobs of another system, whose workers are stopped, into queues of the same
 * names. May be repeated within the window: each job is stored once.
 *
 * @throws ForeignSystemFault if the system lacks a queue. ItemRefused. The error of a call.
 */
export async function copyJobs(options: CopyOptions): Promise<readonly CopiedQueue[]> {
  const found = await options.system.queues();
  const missing = options.queues.find((name) => !found.some((queue) => queue.name === name));
  if (missing !== undefined) throw new ForeignSystemFault(`there is no queue '${missing}'`);
  const { queues } = options;
  const chosen = found.filter(({ name }) => queues.length === 0 || queues.includes(name));
  await createForeignQueues(options, chosen);
  const copied: CopiedQueue[] = [];
  for (const queue of chosen) copied.push(await copyQueue(options, queue));
  return copied;
}

async function createForeignQueues(options: CopyOptions, queues: readonly ForeignQueue[]): Promise<void> {
  const { to, namespace } = options;
  if (to === undefined) return;
  const empty = codecs.QueueInfo.fromJson(new TextEncoder().encode('{}'));
  const names = new Set(queues.map(({ name }) => name));
  const infos = queues.map(({ name, settings }) => ({
    ...{ ...empty, ...settings, queueName: name, requestedPartitions: 1 },
    // A dead-letter queue that is not copied may not exist.
    deadQueue: names.has(settings.deadQueue) ? settings.deadQueue : '',
  }));
  await createQueues({ ...options, client: to, namespace }, infos);
}

async function copyQueue(options: CopyOptions, queue: ForeignQueue): Promise<CopiedQueue> {
  const { system, to, progress } = options;
  const importer = to && new KeyedImporter({ ...options, client: to, queueName: queue.name });
  const jobs = { waiting: 0, scheduled: 0, leased: 0 };
  const lacks = new Map<string, number>(queue.lacks.map((lack) => [lack, 0]));
  if (to === undefined && system.counts !== undefined) {
    const counted = await system.counts(queue.name);
    return { queue: queue.name, jobs: counted, staying: queue.staying, lacks, stored: 0, present: 0 };
  }
  for await (const batch of system.batches(queue.name)) {
    for (const job of batch.jobs) {
      const state = job.item.state === '' ? 'waiting' : (job.item.state as keyof typeof jobs);
      jobs[state]++;
      for (const lack of job.lacks) lacks.set(lack, (lacks.get(lack) ?? 0) + 1);
      await importer?.add(job);
    }
    if (importer !== undefined && batch.done !== undefined) {
      await importer.flush();
      await batch.done();
    }
    progress?.(queue.name, jobs.waiting + jobs.scheduled + jobs.leased);
  }
  await importer?.flush();
  const counts = importer?.counts ?? { stored: 0, present: 0 };
  return { queue: queue.name, jobs, staying: queue.staying, lacks, ...counts };
}
