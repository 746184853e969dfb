import { inspect } from 'node:util';
import type { Effect, Happening, History, Stay } from './history.ts';
import type { Answer, Request } from './request.ts';

/** A history for people, one line for each thing that happened, and always the same for the same history. */
export function render({ all }: History): string {
  const labels = labelsOf(all);
  const say = (text: string) => text.replace(ID, (id) => labels.get(id) ?? id);
  return all
    .map((happening) => say(`${happening.atMs.toFixed(3).padStart(11)}  ${lineOf(happening)}`))
    .join('\n');
}

/** Replaces ids by the names of items: `i7`, and `i7#2` for the second id that the item has. */
export function readable(texts: readonly string[], { all }: History): string[] {
  const labels = labelsOf(all);
  return texts.map((text) => text.replace(ID, (id) => labels.get(id) ?? id));
}

const ID = /\b[0-9A-Za-z]{27}\b/g;

function labelsOf(all: readonly Happening[]): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const ids = new Map<string, number>();
  for (const happening of all) {
    if (happening.type !== 'effect') continue;
    for (const { id, name } of happening.effect.came) {
      const count = (ids.get(name) ?? 0) + 1;
      ids.set(name, count);
      labels.set(id, count === 1 ? name : `${name}#${count}`);
    }
  }
  return labels;
}

function lineOf(happening: Happening): string {
  switch (happening.type) {
    case 'call':
      return `call ${happening.call}: ${happening.client} asks ${happening.engine} to ${requestText(happening.request)}`;
    case 'leave':
      return `call ${happening.call}: the client leaves`;
    case 'answer':
      return `call ${happening.call}: is answered ${answerText(happening.answer)}`;
    case 'sent': {
      const { op, engine, name, place, args } = happening;
      return `    op ${op}: ${engine} sends ${name} to ${place} ${plain(args)}`;
    }
    case 'effect':
      return `    op ${happening.op}: in ${happening.place} ${effectText(happening.effect)}`;
    case 'returned': {
      const result = happening.result === undefined ? '' : ` with ${plain(happening.result)}`;
      return `    op ${happening.op}: ends ${happening.ending}${result}`;
    }
    case 'crash':
      return `-- ${happening.engine} crashes`;
    case 'stop':
      return `-- ${happening.engine} has stopped`;
    case 'sleep':
      return `-- ${happening.engine} falls asleep`;
    case 'wake':
      return `-- ${happening.engine} wakes`;
    case 'settings': {
      const { queue, maxAttempts, deadQueue, leaseMs } = happening;
      return `    ${queue} has from now on: lease ${leaseMs} ms, ${maxAttempts} attempts, dead letters to '${deadQueue}'`;
    }
    case 'world':
      return `-- ${happening.text}`;
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

/** Without what only fills lines. */
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
