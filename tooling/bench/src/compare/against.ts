import type { RunOptions, Scenario } from '../scenarios/scenario.ts';
import { byTurns, rate } from '../scenarios/scenario.ts';
import { type HttpSideOptions, httpSide } from '../testbed/sides.ts';

type Load = Pick<HttpSideOptions, 'operation' | 'batch' | 'clients' | 'format'>;

const LOADS: readonly Load[] = [
  { operation: 'produce', batch: 1, clients: 64 },
  { operation: 'produce', batch: 100, clients: 8 },
  { operation: 'produce', batch: 1_000, clients: 8 },
  { operation: 'produce', batch: 100, clients: 8, format: 'json' },
  { operation: 'lease', batch: 1, clients: 64 },
  { operation: 'lease', batch: 100, clients: 8 },
  { operation: 'lease', batch: 1_000, clients: 8 },
  { operation: 'complete', batch: 1, clients: 64 },
  { operation: 'complete', batch: 100, clients: 8 },
  { operation: 'complete', batch: 1_000, clients: 8 },
  { operation: 'cycle', batch: 1, clients: 16 },
  { operation: 'mix', batch: 100, clients: 8 },
];

/** Compares the measured server with that of another checkout, load by load. */
export function againstCheckout(checkout: string): readonly Scenario[] {
  return LOADS.map((load) => {
    const { operation, batch, clients, format = 'protobuf' } = load;
    return {
      name: `${operation}-${batch}${format === 'json' ? '-json' : ''}`,
      title: `${operation}, ${format}, batch ${batch}, ${clients} clients, against ${checkout}`,
      async run(bed, options: RunOptions) {
        const site = await bed.otherSite(checkout);
        const baseline = await httpSide(bed, { ...options, ...load, site });
        const subject = await httpSide(bed, { ...options, ...load });
        const ratio = await byTurns(options.runs, rate(baseline), rate(subject));
        return { ...ratio, unit: 'items/s', details: {} };
      },
    };
  });
}
