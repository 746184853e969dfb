import type { ItemEvent } from '@querator/engine';

const METRIC = 'querator_items_total';
const RELEASED: ItemEvent = 'released';

/**
 * The number of items of a queue that a server has put back, from its metrics. An
 * event is missing there until it happens.
 *
 * @returns undefined if the metrics do not show the queue.
 */
export function releasesIn(metrics: string, queue: string): number | undefined {
  const lines = metrics.split('\n');
  if (!lines.includes(`# TYPE ${METRIC} counter`)) return undefined;
  const counts = lines.filter((line) => line.startsWith(`${METRIC}{`));
  const ofQueue = counts.filter((line) => line.includes(`queue="${queue}"`) && line.includes('event="'));
  if (counts.length > 0 && ofQueue.length === 0) return undefined;
  const released = ofQueue.find((line) => line.includes(`event="${RELEASED}"`));
  return released === undefined ? 0 : Number(released.split(' ').at(-1));
}
