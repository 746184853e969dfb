import type { Command } from './command.ts';
import { complete, lease, leaseAgain, produce, retry } from './consumer-commands.ts';
import { ModelRun } from './model-run.ts';
import {
  clear,
  creationOf,
  deleteItems,
  importItems,
  page,
  recreate,
  reload,
  restart,
  update,
} from './operator-commands.ts';
import { QUEUE_NAMES } from './rules/queue-rules.ts';
import { FIRST_SETTINGS } from './rules/service-rules.ts';
import { type MakeStorage, ServiceUnderTest } from './service-under-test.ts';

/** The storage and the queues of a sequence. */
export interface Stage {
  readonly partitions: number;
  readonly makeStorage: MakeStorage;
}

/** A failed sequence, described in words. */
class SequenceFailed extends Error {
  override readonly name = 'SequenceFailed';

  constructor(transcript: readonly string[], cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`\n  ${[...transcript, reason].join('\n  ')}\n`, { cause });
  }
}

/** Runs commands on an empty pair of queues. @throws SequenceFailed */
export async function runSequence(stage: Stage, sequence: readonly Command[]): Promise<void> {
  const sut = await ServiceUnderTest.start(stage.makeStorage);
  const run = new ModelRun(sut, stage.partitions);
  try {
    await setUp(sut, stage.partitions);
    for (const command of sequence) {
      await perform(run, command);
      await run.compare();
    }
    await run.compare(undefined, { isEnd: true });
  } catch (error) {
    throw new SequenceFailed(run.transcript, error);
  } finally {
    await sut.stop();
  }
}

/** Creates both queues, or empties those of the sequence before: creating tables costs more than everything else. */
async function setUp({ service }: ServiceUnderTest, partitions: number): Promise<void> {
  const stored = await service.queues.list({ namespace: '', pivot: '', limit: 0 });
  for (const name of [...QUEUE_NAMES].reverse()) {
    const settings = FIRST_SETTINGS[name];
    const call = creationOf(name, partitions, settings);
    const old = stored.find((queue) => queue.name === name);
    if (old === undefined) {
      await service.queues.create(call);
      continue;
    }
    await service.queues.update({ ...call, deadQueue: '' });
    await service.queue.clear({ queueName: name, queue: true, scheduled: true, destructive: true });
    if (settings.deadQueue !== '') await service.queues.update(call);
  }
}

async function perform(run: ModelRun, command: Command): Promise<void> {
  switch (command.do) {
    case 'produce':
      return produce(run, command);
    case 'lease':
      return lease(run, command);
    case 'leaseAgain':
      return leaseAgain(run, command);
    case 'complete':
      return complete(run, command);
    case 'retry':
      return retry(run, command);
    case 'advance':
      run.say(`${command.by} ms pass`);
      return run.advance(command.by);
    case 'update':
      return update(run, command);
    case 'clear':
      return clear(run, command);
    case 'import':
      return importItems(run, command);
    case 'delete':
      return deleteItems(run, command);
    case 'page':
      return page(run, command);
    case 'reload':
      return reload(run, command);
    case 'restart':
      return restart(run, command);
    case 'recreate':
      return recreate(run, command);
  }
}
