import { endpointsV2, type QueuesRow } from '@querator/protocol';
import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { wholeNumber } from '../flags.ts';
import { withFreshCounts } from '../fresh-counts.ts';
import { textTable } from '../text-table.ts';

const HEADS = [
  'QUEUE',
  'NAMESPACE',
  'WAITING',
  'LEASED',
  'SCHEDULED',
  'DEAD',
  'HEAD AGE',
  'PAUSED',
  'COUNTED',
];
/** Of a queue whose counts are estimates, those up to this one are exact. */
const EXACT = 5_000;
const SORTS = ['name', 'waiting', 'head_age', 'dead'];

interface QueuesFlags {
  readonly namespace: string;
  readonly filter: string;
  readonly sort: string;
  readonly descending: boolean;
  readonly limit: number;
  readonly cursor: string;
  readonly rates: boolean;
  readonly json: boolean;
}

/** `querator queues list` */
export function addQueues(program: Command, cli: Cli): void {
  program
    .command('queues')
    .description('see all queues with their counts')
    .command('list')
    .description('print the queues with what they hold')
    .option('--namespace <namespace>', 'only those of this namespace', '')
    .option('--filter <text>', 'only those whose names contain it', '')
    .addOption(new Option('--sort <by>', 'the order').choices(SORTS).default('name'))
    .option('--descending', 'the greatest first', false)
    .option('--limit <n>', 'how many queues at most', wholeNumber, 100)
    .option('--cursor <cursor>', 'go on after that of a list before', '')
    .option('--rates', 'also the rates of the last hour, in JSON', false)
    .option('--json', 'print JSON instead of a table', false)
    .action(async ({ json, rates: withRates, ...flags }: QueuesFlags) => {
      const response = await attempt('failed to list queues', () =>
        withFreshCounts(
          cli,
          () => cli.client().v2.queues.list({ ...flags, withRates }, { signal: cli.interrupted() }),
          ({ items }) => items.every(({ countAge }) => countAge !== ''),
        ),
      );
      if (json) return cli.output.json(endpointsV2.queues.list.response, response);
      const uncounted = new Set(
        response.items.flatMap(({ countAge, queueName }) => (countAge === '' ? [queueName] : [])),
      );
      const rows = response.items.map((row) => rowOf(row, uncounted));
      await cli.output.data(textTable(HEADS, rows));
      // The server does not know the total yet while it reads all queues for the first time.
      const total = Math.max(response.total, response.items.length);
      cli.output.say(`Found ${response.items.length} of ${total} queue(s)`);
      if (uncounted.size > 0) {
        cli.output.say(`${uncounted.size} of them are not counted yet; ask again in a few seconds`);
      }
      if (response.cursor !== '') cli.output.say(`More with --cursor ${response.cursor}`);
    });
}

/** A queue that was not counted yet has no numbers, and the server says 0 of one whose dead-letter queue was not. */
function rowOf(row: QueuesRow, uncounted: ReadonlySet<string>): string[] {
  const { queueName, namespace, waiting, leased, scheduled, dead, deadQueue, headAge, countAge, pause } = row;
  const isUncounted = countAge === '' || uncounted.has(deadQueue);
  const counted = (count: number) => {
    if (countAge === '') return '';
    return row.estimated && count > EXACT ? `~${count}` : String(count);
  };
  const paused = [pause?.produce && 'produce', pause?.lease && 'lease'].filter(Boolean).join(' ');
  return [
    ...[queueName, namespace, counted(waiting), counted(leased), counted(scheduled)],
    ...[deadQueue === '' || (isUncounted && dead === 0) ? '' : String(dead), headAge, paused],
    countAge === '' ? 'not yet' : `${countAge} ago`,
  ];
}
