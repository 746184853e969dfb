import { httpSide, rawSide } from '../testbed/sides.ts';
import { byTurns, rateOf, type Scenario } from './scenario.ts';

/** Consumers of the mix. There are half as many producers. */
const CONSUMERS = 8;

/** The steady mix, compared with the three raw statements one after the other in the same time. */
export const mixScenario: Scenario = {
  name: 'mix-100',
  title: 'steady mix, batch 100, 4 producers and 8 waiting consumers, against the raw statements combined',
  atLeast: 1.5,
  async run(bed, options) {
    const raw = { ...options, batch: 100, clients: 1, seconds: options.seconds / 2 };
    const produce = await rawSide(bed, { ...raw, operation: 'produce' });
    const lease = await rawSide(bed, { ...raw, operation: 'lease' });
    const complete = await rawSide(bed, { ...raw, operation: 'complete' });
    const mix = await httpSide(bed, { ...options, operation: 'mix', batch: 100, clients: CONSUMERS });
    const combined = async () =>
      1 / (1 / rateOf(await produce()) + 1 / rateOf(await lease()) + 1 / rateOf(await complete()));
    const ratio = await byTurns(options.runs, combined, async () => rateOf(await mix()));
    return { ...ratio, unit: 'items/s', details: {} };
  },
};
