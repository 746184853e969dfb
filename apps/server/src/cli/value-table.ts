import { textTable } from './text-table.ts';

/** A value of the API as a table: its list with a column for each field, or else a row for each field. */
export function tableOf(value: object): string {
  // The counts of a queue are in its partitions, within the only logical queue.
  if ('logicalQueues' in value && isList(value.logicalQueues)) {
    return tableOf({ partitions: [], ...value.logicalQueues[0] }.partitions);
  }
  const fields = Array.isArray(value) ? [['items', value] as const] : Object.entries(value);
  const list = fields.find(([, each]) => isList(each))?.[1] as readonly object[] | undefined;
  if (list === undefined || fields.some(([, each]) => !isList(each) && typeof each === 'object')) {
    return textTable(
      ['FIELD', 'VALUE'],
      fields.map(([name, each]) => [name, textOf(each)]),
    );
  }
  // Empty fields are absent, so the fullest element shows their order best.
  const byFields = list.toSorted((a, b) => Object.keys(b).length - Object.keys(a).length);
  const names = [...new Set(byFields.flatMap((element) => Object.keys(element)))];
  const rows = list.map((element) => names.map((name) => textOf((element as Record<string, unknown>)[name])));
  return textTable(
    names.map((name) => name.toUpperCase()),
    rows,
  );
}

function isList(value: unknown): value is readonly object[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'object' && each !== null);
}

function textOf(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
