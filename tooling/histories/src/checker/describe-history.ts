import type { History, Operation, Source } from '../history/history.ts';

/** A summary of a history. */
export interface Finding {
  readonly rule: string;
  /** One sentence for the output. */
  readonly text: string;
}

/** A history as text: one line for each operation, in order of time. */
export function describeHistory(history: History, finding: Finding): string {
  const operations = history.operations.map((operation) => ({
    at: operation.invoked,
    line: lineOf(operation),
  }));
  const faults = history.disturbances.map(({ what, from, to }) => ({
    at: from,
    line: `${span(from, to)} ${''.padEnd(12)} !! ${what}`,
  }));
  const lines = [...operations, ...faults].sort((a, b) => a.at - b.at).map(({ line }) => `  ${line}`);
  return [`${finding.rule}: ${finding.text}`, ...lines].join('\n');
}

function lineOf(operation: Operation): string {
  const { client, instance, outcome, error } = operation;
  const who = (instance < 0 ? client : `${client}@${instance}`).padEnd(12);
  const said = error === undefined ? '' : ` (${error})`;
  const on = 'queue' in operation && operation.queue !== undefined ? ' of the dead-letter queue' : '';
  const start = `${span(operation.invoked, operation.returned)} ${who} ${whatOf(operation)}${on}`;
  return `${start} -> ${outcome}${said}${answerOf(operation)}`;
}

function whatOf(operation: Operation): string {
  switch (operation.call) {
    case 'produce':
      return `${operation.outbox ? 'write to the outbox' : 'produce'} ${operation.items.join(' ')}${laterOf(operation.notBefore)}${keyOf(operation.key)}`;
    case 'lease':
      return `lease up to ${operation.limit}`;
    case 'complete':
      return `complete ${operation.ids.join(' ')} of partition ${operation.partition}`;
    case 'retry':
      return `retry ${operation.ids.join(' ')} of partition ${operation.partition}${
        operation.dead ? ' as dead' : laterOf(operation.notBefore)
      }`;
    case 'extend':
      return `extend ${operation.ids.join(' ')} of partition ${operation.partition}`;
    case 'clear':
      return `clear ${operation.leased ? 'all' : 'what waits'}`;
    case 'list':
      return 'list the dead letters';
    case 'task':
      return `${operation.kind} the dead letters${cancelledOf(operation.cancelled)}`;
    case 'move':
      return `move partition ${operation.partition} of '${operation.of}' to '${operation.to}'${cancelledOf(operation.cancelled)}`;
  }
}

function cancelledOf(cancelled: number | undefined): string {
  return cancelled === undefined ? '' : `, cancelled at ${cancelled.toFixed(1)}`;
}

function laterOf(notBefore: number | undefined): string {
  return notBefore === undefined ? '' : ` for ${notBefore.toFixed(1)}`;
}

function keyOf(key: string | undefined): string {
  return key === undefined ? '' : ` under '${key}'`;
}

function answerOf(operation: Operation): string {
  if (operation.call === 'produce' && operation.told !== undefined) {
    const { ids, duplicate } = operation.told;
    return `${duplicate ? ', duplicate' : ''}: ${ids.join(' ')}`;
  }
  if (operation.call === 'extend' && operation.outcome === 'ok') {
    const until = operation.extended.map(({ id, deadline }) => `${id} until ${deadline.toFixed(1)}`);
    return until.length === 0 ? ', all lost' : `: ${until.join(', ')}`;
  }
  if (operation.call === 'list') {
    return `: ${operation.letters.map(({ item, id, source }) => `${item} (${id}${diedOf(source)})`).join(', ')}`;
  }
  if ((operation.call === 'task' || operation.call === 'move') && operation.end !== undefined) {
    const { state, done, failed } = operation.end;
    return `, ${state}: ${done} done, ${failed} failed`;
  }
  if (operation.call !== 'lease' || operation.given.length === 0) return '';
  const given = operation.given.map(
    ({ item, id, attempts, deadline, details }) =>
      `${item} (${id}, attempts ${attempts}, until ${deadline.toFixed(1)}${diedOf(details?.source)})`,
  );
  return `, partition ${operation.partition}: ${given.join(', ')}`;
}

function diedOf(source: Source | undefined): string {
  return source === undefined ? '' : `, died after ${source.attempts} attempts: ${source.reason}`;
}

function span(from: number, to: number): string {
  return `${from.toFixed(1).padStart(9)} - ${to.toFixed(1).padStart(9)}`;
}
