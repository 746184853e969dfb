import type { ItemEvent } from '@querator/engine';

const METRIC = 'querator_items_total';
const RELEASED: ItemEvent = 'released';

/**
 * How many items of a queue a server has put back, from its metrics. An event
 * is first named there when it happens.
 *
 * @returns nothing where the metrics do not tell, lest silence be taken for none.
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
