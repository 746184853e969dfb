import { type AuditEvent, endpointsV2 } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { attempt } from '../../command-error.ts';
import { timeOf, wholeNumber } from '../../flags.ts';

interface AuditFlags {
  readonly namespace: string;
  readonly from?: string;
  readonly to?: string;
  readonly actor: string;
  readonly action: string;
  readonly limit: number;
  readonly cursor: string;
}

/** The most events of one reply. */
const MOST_OF_A_PAGE = 500;

/** `querator audit list` */
export function addAudit(program: Command, cli: Cli): void {
  program
    .command('audit')
    .description('show who changed settings, access or items')
    .command('list')
    .description('print audit events, the newest first, as JSON')
    .option('--namespace <namespace>', 'only events of this namespace (default: of the whole server)', '')
    .option('--from <time>', 'only events from then on, in RFC 3339')
    .option('--to <time>', 'only events before, in RFC 3339')
    .option('--actor <user>', 'only events of the user with this id or name', '')
    .option(
      '--action <call>',
      'only events of this call: queues.delete, or v2/queues.delete for one version',
      '',
    )
    .option('--limit <n>', 'how many at most', wholeNumber, 100)
    .option('--cursor <cursor>', 'go on after a page with this cursor', '')
    .action(async ({ from, to, limit, cursor: first, ...flags }: AuditFlags) => {
      const { v2 } = cli.client();
      const request = { ...flags, from: timeOf('from', from), to: timeOf('to', to) };
      const items: AuditEvent[] = [];
      let cursor = first;
      // A page may be empty although more follow.
      do {
        const asked = Math.min(limit - items.length, MOST_OF_A_PAGE);
        const page = await attempt('failed to list audit events', () =>
          v2.audit.list({ ...request, cursor, limit: asked }, { signal: cli.interrupted() }),
        );
        items.push(...page.items);
        cursor = page.cursor;
      } while (cursor !== '' && items.length < limit);
      await cli.output.json(endpointsV2.audit.list.response, { items, cursor });
      cli.output.say(`Found ${items.length} event(s)`);
    });
}
