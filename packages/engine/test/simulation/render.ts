import { inspect } from 'node:util';
import type { Effect, History, HistoryEvent, Stay } from './history.ts';
import type { Answer, Request } from './request.ts';

/** A readable history, one line per event. Deterministic. */
export function render({ all }: History): string {
  const labels = labelsOf(all);
  const say = (text: string) => text.replace(ID, (id) => labels.get(id) ?? id);
  return all.map((event) => say(`${event.atMs.toFixed(3).padStart(11)}  ${lineOf(event)}`)).join('\n');
}

/** Replaces ids by the names of items: `i7`, and `i7#2` for the second id of the item. */
export function readable(texts: readonly string[], { all }: History): string[] {
  const labels = labelsOf(all);
  return texts.map((text) => text.replace(ID, (id) => labels.get(id) ?? id));
}

const ID = /\b[0-9A-Za-z]{27}\b/g;

function labelsOf(all: readonly HistoryEvent[]): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const ids = new Map<string, number>();
  for (const event of all) {
    if (event.type !== 'effect') continue;
    for (const { id, name } of event.effect.came) {
      const count = (ids.get(name) ?? 0) + 1;
      ids.set(name, count);
      labels.set(id, count === 1 ? name : `${name}#${count}`);
    }
  }
  return labels;
}

function lineOf(event: HistoryEvent): string {
  switch (event.type) {
    case 'call':
      return `call ${event.call}: ${event.client} asks ${event.engine} to ${requestText(event.request)}`;
    case 'leave':
      return `call ${event.call}: the client leaves`;
    case 'answer':
      return `call ${event.call}: is answered ${answerText(event.answer)}`;
    case 'sent': {
      const { op, engine, name, place, args } = event;
      return `    op ${op}: ${engine} sends ${name} to ${place} ${plain(args)}`;
    }
    case 'effect':
      return `    op ${event.op}: in ${event.place} ${effectText(event.effect)}`;
    case 'extended':
      return `    op ${event.op}: in ${event.place} leases last until ${plain(event.leases)}`;
    case 'returned': {
      const result = event.result === undefined ? '' : ` with ${plain(event.result)}`;
      return `    op ${event.op}: ends ${event.ending}${result}`;
    }
    case 'crash':
      return `-- ${event.engine} crashes`;
    case 'stop':
      return `-- ${event.engine} has stopped`;
    case 'sleep':
      return `-- ${event.engine} falls asleep`;
    case 'wake':
      return `-- ${event.engine} wakes`;
    case 'settings': {
      const { queue, maxAttempts, deadQueue, leaseMs } = event;
      return `    ${queue} has from now on: lease ${leaseMs} ms, ${maxAttempts} attempts, dead letters to '${deadQueue}'`;
    }
    case 'note':
      return `-- ${event.text}`;
  }
}

function requestText({ kind, queue, ...rest }: Request): string {
  return `${kind} ${queue} ${plain(rest)}`;
}

function answerText(answer: Answer): string {
  switch (answer.how) {
    case 'ok':
      return answer.value === undefined ? 'ok' : `ok ${plain(answer.value)}`;
    case 'error':
      return `${answer.code}: ${answer.message}`;
    case 'left':
      return 'nothing: it has left';
    case 'cut':
      return 'nothing: the engine died';
  }
}

function effectText({ came, left, changed }: Effect): string {
  return [
    ...left.map((stay) => `${stayText(stay)} leaves`),
    ...came.map(
      (stay) => `${stayText(stay)} comes${stay.sourceId === undefined ? '' : ` from ${stay.sourceId}`}`,
    ),
    ...changed.map(({ before, after }) => `${stayText(before)} is now ${after.state}, ${after.attempts}`),
  ].join('; ');
}

function stayText({ id, state, attempts }: Stay): string {
  return `${id} (${state}, ${attempts})`;
}

const NOT_SHOWN = new Set([
  'payload',
  'encoding',
  'kind',
  'payloads',
  'createdAt',
  'updatedAt',
  'partitions',
]);

/** Leaves out fields that only fill lines. */
function plain(value: unknown): string {
  const shown = JSON.parse(
    JSON.stringify(value, (key, each: unknown) => {
      if (NOT_SHOWN.has(key)) return undefined;
      if (typeof each === 'bigint') return Number(each);
      return typeof each === 'function' ? '(function)' : each;
    }) ?? 'null',
  );
  return inspect(shown, {
    breakLength: Number.POSITIVE_INFINITY,
    depth: 8,
    compact: true,
    maxArrayLength: 50,
  });
}
