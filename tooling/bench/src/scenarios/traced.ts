import { cpuSecondsOf } from '../testbed/process-cpu.ts';
import { httpSide, type Side } from '../testbed/sides.ts';
import type { Site } from '../testbed/site.ts';
import { median } from '../workload/percentile.ts';
import { byTurns, rateOf, type Scenario } from './scenario.ts';

type Load = Pick<Parameters<typeof httpSide>[1], 'operation' | 'batch' | 'clients'>;

/** What a server with tracing at 1 percent reaches of one without. */
function traced(name: string, what: string, load: Load): Scenario {
  return {
    name,
    title: `${what}, tracing 1 % of the calls against none`,
    atLeast: 0.98,
    async run(bed, options) {
      const [plain, recording] = [await bed.site(), await bed.tracedSite()];
      const baseline = new CostOfItems(await httpSide(bed, { ...options, ...load }), plain);
      const subject = new CostOfItems(
        await httpSide(bed, { ...options, ...load, site: recording }),
        recording,
      );
      // The difference is small, so it takes more runs to see it.
      const ratio = await byTurns(
        3 * options.runs,
        () => baseline.rate(),
        () => subject.rate(),
      );
      const details = { 'us/item without': baseline.microseconds, 'us/item with': subject.microseconds };
      return { ...ratio, unit: 'items/s', details };
    },
  };
}

/** Measures a side, and what each item costs the processor of its server: that depends less on other programs. */
class CostOfItems {
  readonly #side: Side;
  readonly #site: Site;
  readonly #costs: number[] = [];

  constructor(side: Side, site: Site) {
    this.#side = side;
    this.#site = site;
  }

  async rate(): Promise<number> {
    const outcome = await this.#side(async (measurement) => {
      const before = cpuSecondsOf(this.#site.server.pid);
      const measured = await measurement();
      this.#costs.push(((cpuSecondsOf(this.#site.server.pid) - before) / measured.items) * 1e6);
      return measured;
    });
    return rateOf(outcome);
  }

  /** Processor time of the server for an item, the median of all measurements. */
  get microseconds(): number {
    return median(this.#costs);
  }
}

/** The cost of tracing. */
export const tracedScenarios: readonly Scenario[] = [
  traced('traced-produce-1', 'produce, batch 1, 64 clients', {
    ...{ operation: 'produce', batch: 1, clients: 64 },
  }),
  traced('traced-mix-100', 'steady mix, batch 100, 4 producers and 8 waiting consumers', {
    ...{ operation: 'mix', batch: 100, clients: 8 },
  }),
];
