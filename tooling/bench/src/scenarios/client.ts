import type { ClientCommands } from '../client/main.ts';
import type { JobCommands } from '../job-systems/main.ts';
import { rawSide, serviceSide } from '../testbed/sides.ts';
import type { TestBed } from '../testbed/test-bed.ts';
import type { Outcome, Work } from '../workload/work.ts';
import { byTurns, type RunOptions, rate, rateOf, type Scenario } from './scenario.ts';

let queues = 0;

/** Produce, lease and complete by one caller of the client package. */
function oneCaller(batch: number, atLeast: number): Scenario {
  return {
    name: `client-${batch}`,
    title: `produce + lease + complete by the client, batch ${batch}, 1 caller, against the raw statements`,
    atLeast,
    async run(bed, options) {
      const work = { operation: 'cycle', batch, clients: 1 } as const;
      const baseline = await rawSide(bed, { ...options, ...work });
      const subject = await clientRun(bed, options, { ...work, seconds: options.seconds });
      const ratio = await byTurns(options.runs, rate(baseline), async () => rateOf(await subject()));
      return { ...ratio, unit: 'items/s', details: {} };
    },
  };
}

/** The same without HTTP. */
const inProcess: Scenario = {
  name: 'service-1',
  title: 'produce + lease + complete in process, batch 1, 1 caller, against the raw statements',
  atLeast: 0.95,
  async run(bed, options) {
    const work = { operation: 'cycle', batch: 1, clients: 1 } as const;
    const baseline = await rawSide(bed, { ...options, ...work });
    const subject = await serviceSide(bed, { ...options, ...work });
    const ratio = await byTurns(options.runs, rate(baseline), rate(subject));
    return { ...ratio, unit: 'items/s', details: {} };
  },
};

/** What the client adds to the HTTP request that it sends. */
const callCost: Scenario = {
  name: 'client-call',
  title: 'processor time of a call of the client, against http.request with the same bytes',
  atMost: 1.15,
  async run(bed, options) {
    const site = await bed.memorySite();
    const queue = `bench-client-${++queues}`;
    await site.createQueue(queue);
    const target = { endpoint: site.server.url, queue, payloadBytes: options.payloadBytes };
    const work: Work = { operation: 'bare', batch: 1, clients: 1, seconds: options.seconds };
    // Each in a process of its own, so that neither pays for the garbage of the other.
    const bare = await bed.child<ClientCommands>('bare calls', '../client/main.ts');
    const client = await bed.child<ClientCommands>('client', '../client/main.ts');
    const ratio = await byTurns(
      options.runs,
      async () => microsecondsPerCall(await bare.call('runBare', { target, work })),
      async () => microsecondsPerCall(await client.call('run', { target, work })),
    );
    return { ...ratio, unit: 'us', details: {} };
  },
};

const PILE = { jobs: 1_000, handlerMs: 10, concurrency: 100 };

/** How near a worker comes to handlers without a queue. */
const workerPile: Scenario = {
  name: 'worker-1000',
  title: 'a worker, 1,000 handlers of 10 ms, 100 at a time, against the handlers alone',
  atLeast: 0.9,
  async run(bed, options) {
    const site = await bed.site();
    const jobs = await bed.child<JobCommands>('jobs of querator', '../job-systems/main.ts');
    const ideal = (PILE.concurrency * 1_000) / PILE.handlerMs;
    const place = { system: 'querator', endpoint: site.server.url } as const;
    const subject = async () => {
      const queue = `bench-jobs-${++queues}`;
      await site.createQueue(queue);
      return rateOf(
        await jobs.call('pile', { place, queue, payloadBytes: options.payloadBytes, pile: PILE }),
      );
    };
    const ratio = await byTurns(options.runs, async () => ideal, subject);
    return { ...ratio, unit: 'items/s', details: {} };
  },
};

/** Work of the client package on a new queue of the measured server. */
async function clientRun(bed: TestBed, options: RunOptions, work: Work): Promise<() => Promise<Outcome>> {
  const site = await bed.site();
  const client = await bed.child<ClientCommands>('client', '../client/main.ts');
  const queue = `bench-client-${++queues}`;
  await site.createQueue(queue);
  const target = { endpoint: site.server.url, queue, payloadBytes: options.payloadBytes };
  return () => client.call('run', { target, work });
}

function microsecondsPerCall({ cpuSeconds, requests }: Outcome): number {
  return (cpuSeconds / requests) * 1e6;
}

/** What a user of the client package gets. */
export const clientScenarios: readonly Scenario[] = [
  oneCaller(1, 0.65),
  oneCaller(100, 0.75),
  oneCaller(1_000, 1.2),
  inProcess,
  workerPile,
  callCost,
];
