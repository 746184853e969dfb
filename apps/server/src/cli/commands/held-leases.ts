import { endpointsV2, formatTimestamp } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, CommandError } from '../command-error.ts';
import { duration, timeOf, wholeNumber } from '../flags.ts';
import { exitCodeOfOutcomes } from '../outcome-exit-code.ts';
import { textTable } from '../text-table.ts';

interface LeaseFlags {
  readonly partition: number;
  readonly json: boolean;
}

interface ExtendFlags extends LeaseFlags {
  readonly leaseTimeout: string;
  readonly maxHold: string;
  readonly timeout: string;
}

interface GiveBackFlags extends LeaseFlags {
  readonly at?: string;
  readonly dead: boolean;
  readonly because: string;
}

/** `querator extend <queue> <id…>` and `querator give-back <queue> <id…>` */
export function addHeldLeases(program: Command, cli: Cli): void {
  addExtend(program, cli);
  addGiveBack(program, cli);
}

function ofLeases(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('<queue>', 'its name')
    .argument('<id...>', '1 to 1,000 ids, from the lease')
    .requiredOption('-p, --partition <n>', 'the partition they were leased from', wholeNumber)
    .option('--json', 'print JSON instead of a table', false);
}

function addExtend(program: Command, cli: Cli): void {
  ofLeases(program, 'extend', 'let leases end later')
    .requiredOption('--lease-timeout <duration>', 'how long they last from now')
    .option('--max-hold <duration>', 'how long they may be extended in all (default: no limit)', '')
    .option('--timeout <duration>', 'how long the server may take', '30s')
    .action(async (queueName: string, ids: string[], flags: ExtendFlags) => {
      const { partition, json, leaseTimeout, maxHold, timeout } = flags;
      duration('lease-timeout', leaseTimeout);
      if (maxHold !== '') duration('max-hold', maxHold);
      duration('timeout', timeout);
      const request = { queueName, partition, ids, leaseTimeout, maxHold, requestTimeout: timeout };
      const response = await attempt('failed to extend leases', () =>
        cli.client().v2.queue.extend(request, { signal: cli.interrupted() }),
      );
      const rows = response.items.map(({ id, code, message, leaseDeadline }) => {
        return [id, code || 'ok', leaseDeadline === undefined ? '' : formatTimestamp(leaseDeadline), message];
      });
      if (json) await cli.output.json(endpointsV2.queue.extend.response, response);
      else await cli.output.data(textTable(['ID', 'OUTCOME', 'LEASE ENDS', 'WHY'], rows));
      checkOutcomes('extend the leases of', response.items);
    });
}

function addGiveBack(program: Command, cli: Cli): void {
  ofLeases(
    program,
    'give-back',
    'return leased items to the queue, as a consumer that does not complete them',
  )
    .option('--at <time>', 'when they become available again, in RFC 3339 (default: now)')
    .option('--dead', 'give up on them: they are dead', false)
    .option('--because <text>', 'the error that stays with them', '')
    .action(async (queueName: string, ids: string[], flags: GiveBackFlags) => {
      const { partition, json, dead, because: error } = flags;
      const retryAt = timeOf('at', flags.at);
      const items = ids.map((id) => ({ id, retryAt, dead, error }));
      const response = await attempt('failed to give items back', () =>
        cli.client().v2.queue.retry({ queueName, partition, items }, { signal: cli.interrupted() }),
      );
      const rows = response.items.map(({ id, code, message }) => [id, code || 'ok', message]);
      if (json) await cli.output.json(endpointsV2.queue.retry.response, response);
      else await cli.output.data(textTable(['ID', 'OUTCOME', 'WHY'], rows));
      checkOutcomes('give back', response.items);
    });
}

/** @throws CommandError if nothing was done with an item. */
function checkOutcomes(verb: string, outcomes: readonly { readonly code: string }[]): void {
  const failed = outcomes.filter(({ code }) => code !== '').length;
  if (failed === 0) return;
  const text = `failed to ${verb} ${failed} of ${outcomes.length} item(s)`;
  throw new CommandError(text, { exitCode: exitCodeOfOutcomes(outcomes) });
}
