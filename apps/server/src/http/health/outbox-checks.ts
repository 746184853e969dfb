import type { RelayState } from '../../outbox/relay.ts';
import type { HealthCheck } from './health-check.ts';

/** Queues that the text of a check names. */
const MOST_NAMED = 3;

/** The check of an outbox. It warns while the outbox cannot be read, and while rows cannot go. */
export function outboxCheck({ outbox, error, faults }: RelayState, time: string): HealthCheck {
  const remarks = error === undefined ? [] : [`outbox '${outbox}' cannot be read; the log has the reason`];
  if (faults.size > 0) remarks.push(textOf(outbox, faults));
  return {
    ...{ componentType: 'system', status: remarks.length === 0 ? 'pass' : 'warn' },
    ...{ observedValue: faults.size, observedUnit: 'queues', time },
    ...(remarks.length === 0 ? {} : { output: remarks.join('; ') }),
  };
}

function textOf(outbox: string, faults: RelayState['faults']): string {
  const named = [...faults].slice(0, MOST_NAMED).map(([queue, { code }]) => `'${queue}' (${code})`);
  const more = faults.size > MOST_NAMED ? ` and ${faults.size - MOST_NAMED} more` : '';
  return `rows of outbox '${outbox}' cannot go to ${named.join(', ')}${more}`;
}
