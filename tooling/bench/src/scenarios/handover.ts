import { median } from '../workload/percentile.ts';
import type { Scenario } from './scenario.ts';

const ROUNDS = 60;

/** How soon a waiting consumer has a produced item, in round trips of a bare request. */
export const handoverScenario: Scenario = {
  name: 'handover',
  title: 'produce acknowledged to item at a waiting consumer, idle, p50, in bare round trips',
  atMost: 2,
  async run(bed, { runs, payloadBytes }) {
    const site = await bed.site();
    const load = await bed.load();
    const queue = 'bench-handover';
    await site.createQueue(queue);
    const emptyPort = await bed.emptyRoute();
    const order = { port: site.server.port, emptyPort, queue, payloadBytes };
    await load.call('handover', { ...order, rounds: ROUNDS });
    const figures = [];
    for (let run = 0; run < runs; run++) {
      figures.push(await load.call('handover', { ...order, rounds: ROUNDS }));
    }
    const ratios = figures.map(({ acknowledgedToItemMs, roundTripMs }) => acknowledgedToItemMs / roundTripMs);
    return {
      ratio: median(ratios),
      least: Math.min(...ratios),
      greatest: Math.max(...ratios),
      baseline: median(figures.map(({ roundTripMs }) => roundTripMs)),
      subject: median(figures.map(({ acknowledgedToItemMs }) => acknowledgedToItemMs)),
      unit: 'ms',
      details: {
        sentToItemMs: median(figures.map(({ sentToItemMs }) => sentToItemMs)),
        acknowledgeMs: median(figures.map(({ acknowledgeMs }) => acknowledgeMs)),
      },
    };
  },
};
