import { endpointsV2, type QuotaLimits } from '@querator/protocol';
import { type Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../../cli.ts';
import { attempt, usageError } from '../../command-error.ts';
import { textTable } from '../../text-table.ts';
import { addQuotaList } from './quota-list.ts';
import { cellsOf, usesOf } from './quota-uses.ts';

interface SubjectFlags {
  readonly namespace?: string;
  readonly key?: string;
}

type LimitFlags = SubjectFlags & Partial<QuotaLimits> & { readonly remove?: true };

/** Each limit, and what it counts. */
const LIMITS = [
  ['queues', 'queues in the namespace'],
  ['partitions', 'partitions of all queues in the namespace'],
  ['items-waiting', 'items in the queues of the namespace'],
  ['bytes-waiting', 'bytes of those items'],
  ['requests-per-second', 'requests a second'],
  ['items-per-second', 'produced items a second'],
  ['waiting-consumers', 'lease requests that wait'],
  ['connections', 'connections'],
] as const;

/** `querator quota get|list|set` */
export function addQuota(program: Command, cli: Cli): void {
  const group = program.command('quota').description('manage the limits of namespaces and API keys');
  const options = () => ({ signal: cli.interrupted() });
  const withSubject = (command: Command) =>
    command.option('--namespace <name>', 'of this namespace').option('--key <key-id>', 'of this API key');

  withSubject(group.command('get').description('print a quota and what is used of it, as JSON')).action(
    async (flags: SubjectFlags) => {
      const { v2 } = cli.client();
      const quota = await attempt('failed to get quota', () => v2.quotas.get(subjectOf(flags), options()));
      if (!cli.output.asTable) return cli.output.json(endpointsV2.quotas.get.response, quota);
      await cli.output.data(textTable(['LIMIT', 'USED', 'ALLOWED'], usesOf(quota).map(cellsOf)));
      cli.output.say(`Where the limits come from: ${quota.source}`);
    },
  );
  addQuotaList(group, cli);
  const set = withSubject(group.command('set').description('replace all limits of a quota'));
  for (const [name, counts] of LIMITS) {
    set.option(`--${name} <n>`, `the most ${counts} (default: no limit)`, limit);
  }
  set
    .option('--remove', "remove the quota, so that the server's configuration counts again")
    .action(async ({ namespace, key, remove, ...limits }: LimitFlags) => {
      const subject = subjectOf({ ...(namespace && { namespace }), ...(key && { key }) });
      if (remove && Object.keys(limits).length > 0) {
        throw usageError('--remove cannot be used together with limits');
      }
      const { v2 } = cli.client();
      const request = remove ? subject : { ...subject, limits };
      await attempt('failed to set quota', () => v2.quotas.set(request, options()));
      cli.output.say(`Successfully ${remove ? 'removed' : 'set'} the quota of '${namespace ?? key}'`);
    });
}

function subjectOf({ namespace = '', key = '' }: SubjectFlags): { namespace: string; keyId: string } {
  if ((namespace === '') === (key === '')) throw usageError('one of --namespace and --key is required');
  return { namespace, keyId: key };
}

function limit(text: string): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It is not a whole number.');
}
