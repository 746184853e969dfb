import type { ItemsFilter, TimeRange } from '../../api/item.ts';

/** The conditions of the screens that show items, as parameters of the address. */
export const CONDITIONS = [
  'state',
  'id',
  'first_id',
  'source_id',
  'reference',
  'kind',
  'encoding',
  'metadata',
  'error',
  'reason',
  'source_queue',
  'without_error',
  'payload',
  'created_from',
  'created_to',
  'due_from',
  'due_to',
] as const;

export type Condition = (typeof CONDITIONS)[number];

/** Values of the conditions. An empty or absent one is no condition. */
export type Conditions = Readonly<Partial<Record<Condition, string>>>;

/** Those parameters of an address that are conditions. */
export function conditionsOf(params: Readonly<Record<string, string>>): Conditions {
  const given = CONDITIONS.filter((name) => params[name]).map((name) => [name, params[name]]);
  return Object.fromEntries(given);
}

/** Conditions as `items.find` and `tasks.create` take them. @throws Error that says what is wrong with which. */
export function filterOf(conditions: Conditions): ItemsFilter {
  const { id, metadata, payload, without_error, created_from, created_to, due_from, due_to, ...texts } =
    conditions;
  const created = rangeOf(created_from, created_to);
  const due = rangeOf(due_from, due_to);
  return {
    ...Object.fromEntries(Object.entries(texts).filter(([, value]) => value)),
    ...(id ? { ids: idsOf(id) } : {}),
    ...(without_error ? { without_error: true } : {}),
    ...(metadata ? { metadata: metadataOf(metadata) } : {}),
    ...(payload ? { payload: base64OfText(payload) } : {}),
    ...(created === undefined ? {} : { created }),
    ...(due === undefined ? {} : { due }),
  };
}

/** The opposite of `filterOf`, for links to what a task takes. Bytes of a payload that are no text are left out. */
export function conditionsOfFilter(filter: ItemsFilter): Conditions {
  const { ids = [], metadata, payload, without_error, created = {}, due = {}, ...texts } = filter;
  return conditionsOf({
    ...texts,
    id: ids.join(' '),
    without_error: without_error ? 'yes' : '',
    metadata: metadata === undefined ? '' : metadataText(metadata),
    payload: payload === undefined ? '' : (textOfBase64(payload) ?? ''),
    created_from: created.from ?? '',
    created_to: created.to ?? '',
    due_from: due.from ?? '',
    due_to: due.to ?? '',
  });
}

function rangeOf(from: string | undefined, to: string | undefined): TimeRange | undefined {
  if (!from && !to) return undefined;
  return { ...(from ? { from } : {}), ...(to ? { to } : {}) };
}

/** A list without ids would be no condition, and a task would take every item. */
function idsOf(text: string): readonly string[] {
  const ids = text.split(/[\s,]+/).filter(Boolean);
  if (ids.length === 0) throw new Error('Id: expected an id, or several with spaces between.');
  return ids;
}

/** Pairs as a person would type them, or as JSON if that says them only. */
export function metadataText(metadata: Readonly<Record<string, string>>): string {
  const text = Object.entries(metadata)
    .map((pair) => pair.join('='))
    .join(', ');
  try {
    const read = metadataOf(text);
    if (JSON.stringify(read) === JSON.stringify(metadata)) return text;
  } catch {
    // It is no list of pairs.
  }
  return JSON.stringify(metadata);
}

/** Reads `key=value, key=value`, or a JSON object, for values with commas. */
function metadataOf(text: string): Readonly<Record<string, string>> {
  if (text.trimStart().startsWith('{')) return metadataOfJson(text);
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new Error(`Metadata: expected key=value, and "${pair.trim()}" is none.`);
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}

function metadataOfJson(text: string): Readonly<Record<string, string>> {
  const fault = new Error('Metadata: expected key=value, or a JSON object with texts as values.');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault;
  }
  const values = Object.values(value as object);
  if (values.length === 0 || values.some((each) => typeof each !== 'string')) throw fault;
  return value as Readonly<Record<string, string>>;
}

function base64OfText(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function textOfBase64(base64: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
