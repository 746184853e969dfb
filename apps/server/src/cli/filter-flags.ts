import type { ItemsFilter, ItemsRange } from '@querator/protocol';
import { type Command, InvalidArgumentError } from 'commander';
import { timeOf } from './flags.ts';

/** The flags of commands that take the items that meet all conditions. */
export interface FilterFlags {
  readonly state?: string;
  readonly id?: readonly string[];
  readonly firstId?: string;
  readonly sourceId?: string;
  readonly reference?: string;
  readonly kind?: string;
  readonly encoding?: string;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly error?: string;
  readonly reason?: string;
  readonly sourceQueue?: string;
  readonly withoutError?: boolean;
  readonly createdFrom?: string;
  readonly createdTo?: string;
  readonly dueFrom?: string;
  readonly dueTo?: string;
  readonly payload?: string;
}

/** Adds the flags of a filter. */
export function withFilterFlags(command: Command): Command {
  return command
    .option('--state <state>', 'waiting, leased, scheduled, dead or moving')
    .option('--id <id>', 'with this id; may be repeated', collect)
    .option('--first-id <id>', 'with this id when it was produced')
    .option('--source-id <id>', 'with this id in the queue that a dead letter came from')
    .option('--reference <text>', 'with exactly this reference')
    .option('--kind <text>', 'with exactly this kind')
    .option('--encoding <text>', 'with exactly this encoding')
    .option('--metadata <key=value>', 'with this pair; may be repeated', pair)
    .option('--error <text>', 'with this text in the last error')
    .option('--reason <reason>', 'that died by attempts, expired, rejected or moved')
    .option('--source-queue <queue>', 'that died in this queue')
    .option('--without-error', 'without an error', false)
    .option('--created-from <time>', 'in the queue since then or later, in RFC 3339')
    .option('--created-to <time>', 'in the queue since before then')
    .option('--due-from <time>', 'whose next deadline is then or later')
    .option('--due-to <time>', 'whose next deadline is before then')
    .option('--payload <text>', 'with this text in the payload');
}

/** The filter of these flags. @throws CommandError naming a flag. */
export function filterOf(flags: FilterFlags): ItemsFilter {
  const { id = [], metadata, payload = '' } = flags;
  const { state = '', firstId = '', sourceId = '', reference = '', kind = '' } = flags;
  const { encoding = '', error = '', reason = '', sourceQueue = '', withoutError = false } = flags;
  return {
    ...{ state, firstId, sourceId, reference, kind, encoding, error, reason },
    ...{ sourceQueue, withoutError },
    ids: [...id],
    metadata: new Map(metadata),
    created: rangeOf('created', flags.createdFrom, flags.createdTo),
    due: rangeOf('due', flags.dueFrom, flags.dueTo),
    payload: Buffer.from(payload),
  };
}

function rangeOf(name: string, from: string | undefined, to: string | undefined): ItemsRange | undefined {
  if (from === undefined && to === undefined) return undefined;
  return { from: timeOf(`${name}-from`, from), to: timeOf(`${name}-to`, to) };
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** Reads a pair of a flag that may be repeated. */
export function pair(
  text: string,
  before: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It is not a pair such as key=value.');
  return new Map([...before, [text.slice(0, at), text.slice(at + 1)]]);
}
