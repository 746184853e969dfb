import { ERROR_STATUSES } from '@querator/protocol';
import { CALLS, GROUPS } from '../checks/all-checks.ts';
import type { Check, CheckGroup } from '../checks/check.ts';
import { BODY_CHECKS, HEADER_CHECKS } from '../checks/transport-checks.ts';
import { callName } from './endpoint-table.ts';
import { markdownTable } from './markdown-table.ts';

const HEAD = ['#', 'refused if', 'code', 'message'];

/** The checks of a call in their order. Groups are links to the errors page. */
export function callCheckTable(name: string): string {
  const call = CALLS.find(({ path }) => callName(path) === name);
  if (call === undefined) throw new Error(`no checks are listed for the call '${name}'`);
  return markdownTable(
    HEAD,
    call.steps.map((step, index) => [
      String(index + 1),
      ...('checks' in step ? groupCells(step) : cells(step)),
    ]),
  );
}

/** The checks of a group. */
export function groupCheckTable(title: string): string {
  const group = GROUPS.find((each) => each.title === title);
  if (group === undefined) throw new Error(`there is no group of checks '${title}'`);
  return markdownTable(
    HEAD,
    group.checks.map((check, index) => [String(index + 1), ...cells(check)]),
  );
}

/** The checks of headers and size, which come before those of the call. */
export function headerCheckTable(): string {
  return markdownTable(
    HEAD,
    HEADER_CHECKS.map((check, index) => [String(index + 1), ...cells(check)]),
  );
}

/** What makes a body malformed. */
export function bodyCheckTable(): string {
  return markdownTable(['malformed body', 'code', 'message'], BODY_CHECKS.map(cells));
}

function groupCells({ title }: CheckGroup): readonly string[] {
  const anchor = title.toLowerCase().replaceAll(' ', '-');
  return [`[${title.toLowerCase()}](errors.md#${anchor}) fails`, '', ''];
}

function cells({ when, code = 'invalid', reason, text }: Omit<Check, 'broken'>): readonly string[] {
  const { status } = ERROR_STATUSES[code];
  return [when, reason === undefined ? String(status) : `${status} \`${reason}\``, `\`${text}\``];
}
