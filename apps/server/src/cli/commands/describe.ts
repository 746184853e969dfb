import { endpointsV2, type QueuesInfo, type QueuesPartition } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { isFreshAge, withFreshCounts } from '../fresh-counts.ts';
import { textTable } from '../text-table.ts';

const HEADS = ['PARTITION', 'STORAGE', 'STATE', 'HEALTH', 'WAITING', 'LEASED', 'SCHEDULED', 'KEYS', 'AGE'];

/** `querator describe <queue>` */
export function addDescribe(program: Command, cli: Cli): void {
  program
    .command('describe')
    .description('print the partitions of a queue with sampled counts, or all about it as JSON')
    .argument('<queue>', 'its name')
    .option('--json', 'print JSON instead of a table', false)
    .action(async (queueName: string, { json }: { readonly json: boolean }) => {
      const response = await attempt('failed to describe queue', () =>
        withFreshCounts(
          cli,
          () => cli.client().v2.queues.describe({ queueName }, { signal: cli.interrupted() }),
          // Those that cannot be served are not counted.
          ({ partitions }) =>
            partitions.every((each) => each.health !== 'in_service' || isFreshAge(each.countAge)),
        ),
      );
      if (json) await cli.output.json(endpointsV2.queues.describe.response, response);
      else await cli.output.data(textTable(HEADS, response.partitions.map(rowOf)));
      const { waiting, leased, scheduled, pause, queue } = response;
      cli.output.say(`Holds ${waiting} waiting, ${leased} leased, ${scheduled} scheduled item(s)`);
      if (queue !== undefined) cli.output.say(settingsText(queue));
      const paused = [...(pause?.produce ? ['produce'] : []), ...(pause?.lease ? ['lease'] : [])];
      if (paused.length > 0) cli.output.say(`Paused: ${paused.join(', ')}`);
      for (const [storage, numbers] of outOfService(response.partitions)) {
        cli.output.say(`Out of service on the storage '${storage}': partition(s) ${numbers.join(', ')}`);
      }
      for (const { partition, movingTo } of response.partitions) {
        if (movingTo !== '') cli.output.say(`Partition ${partition} moves to the storage '${movingTo}'`);
      }
    });
}

/** What becomes of its items, in words. */
function settingsText({ leaseTimeout, maxAttempts, expireTimeout, deadQueue }: QueuesInfo): string {
  const attempts = maxAttempts === 0 ? 'any number of times' : `${maxAttempts} time(s) at most`;
  const dead = deadQueue === '' ? 'deleted' : `moved to '${deadQueue}'`;
  const when = maxAttempts === 0 ? 'after' : 'then or after';
  return `Items are leased for ${leaseTimeout}, ${attempts}, and ${dead} ${when} ${expireTimeout}`;
}

/** The partitions that cannot be served, by storage. The others of the queue serve it meanwhile. */
function outOfService(partitions: readonly QueuesPartition[]): ReadonlyMap<string, readonly number[]> {
  const failing = partitions.filter(({ health }) => health !== 'in_service');
  const byStorage = Map.groupBy(failing, ({ storageName }) => storageName);
  return new Map([...byStorage].map(([storage, list]) => [storage, list.map(({ partition }) => partition)]));
}

function rowOf(partition: QueuesPartition): readonly string[] {
  const { storageName, state, health, waiting, leased, scheduled, dedupKeys, countAge } = partition;
  const counts = countAge === '' ? ['?', '?', '?'] : [waiting, leased, scheduled].map(String);
  const keys = partition.dedupKeysAge === '' ? '?' : String(dedupKeys);
  return [String(partition.partition), storageName, state, health, ...counts, keys, countAge || '?'];
}
