import {
  bareServerSide,
  emptyRouteSide,
  httpSide,
  rawSide,
  type Side,
  serviceSide,
} from '../testbed/sides.ts';
import type { TestBed } from '../testbed/test-bed.ts';
import { byTurns, type Ratio, type RunOptions, rate, type Scenario } from './scenario.ts';

const ITEMS = 'items/s';

/** HTTP against the raw statement at the same batch size. */
function againstRaw(operation: 'produce' | 'lease' | 'complete', batch: number, atLeast: number): Scenario {
  return {
    name: `${operation}-${batch}`,
    title: `${operation}, batch ${batch}, 8 clients, against the raw statement`,
    atLeast,
    run: (bed, options) =>
      compare(options, {
        baseline: () => rawSide(bed, { ...options, operation, batch, clients: 1 }),
        subject: () => httpSide(bed, { ...options, operation, batch, clients: 8 }),
      }),
  };
}

/** HTTP against the service in process. */
function againstService(operation: 'produce' | 'lease' | 'complete'): Scenario {
  const work = { operation, batch: 100, clients: 8 } as const;
  return {
    name: `http-service-${operation}`,
    title: `${operation}, batch 100, 8 clients, against the service in process`,
    atLeast: 0.6,
    run: (bed, options) =>
      compare(options, {
        baseline: () => serviceSide(bed, { ...options, ...work }),
        subject: () => httpSide(bed, { ...options, ...work }),
      }),
  };
}

const emptyRoute = (bed: TestBed, options: RunOptions) =>
  emptyRouteSide(bed, { ...options, batch: 1, clients: 64 });

const produceOne: Scenario = {
  name: 'produce-1',
  title: 'produce, batch 1, 64 clients, against an empty Hono route',
  atLeast: 0.85,
  run: (bed, options) =>
    compare(options, {
      baseline: () => emptyRoute(bed, options),
      subject: () => httpSide(bed, { ...options, operation: 'produce', batch: 1, clients: 64 }),
    }),
};

const bareServerOne: Scenario = {
  name: 'bare-server-1',
  title: 'the same by a server that keeps no rule: group commit, two statements under way',
  run: (bed, options) =>
    compare(options, {
      baseline: () => emptyRoute(bed, options),
      subject: () => bareServerSide(bed, { ...options, batch: 1, clients: 64 }),
    }),
};

const memoryOne: Scenario = {
  name: 'memory-1',
  title: 'memory driver: produce, batch 1, 64 clients, against an empty Hono route',
  atLeast: 0.85,
  run: (bed, options) =>
    compare(options, {
      baseline: () => emptyRoute(bed, options),
      subject: async () => {
        const site = await bed.memorySite();
        return httpSide(bed, { ...options, operation: 'produce', batch: 1, clients: 64, site });
      },
    }),
};

const cycleOne: Scenario = {
  name: 'cycle-1',
  title: 'produce + lease + complete, batch 1, 16 clients, against the raw statements',
  atLeast: 3,
  run: (bed, options) =>
    compare(options, {
      baseline: () => rawSide(bed, { ...options, operation: 'cycle', batch: 1, clients: 1 }),
      subject: () => httpSide(bed, { ...options, operation: 'cycle', batch: 1, clients: 16 }),
    }),
};

function json(payloadField: 'bytes' | 'utf8'): Scenario {
  const work = { operation: 'produce', batch: 100, clients: 8 } as const;
  return {
    name: `json-${payloadField}`,
    title: `produce, batch 100, 8 clients, in JSON (${payloadField}), against protobuf`,
    atLeast: 0.7,
    run: (bed, options) =>
      compare(options, {
        baseline: () => httpSide(bed, { ...options, ...work }),
        subject: () => httpSide(bed, { ...options, ...work, format: 'json', payloadField }),
      }),
  };
}

/** The same number of leases on both, so that only the code around them differs. */
const BACKLOG_LEASE = {
  operation: 'lease',
  batch: 100,
  clients: 8,
  seconds: 60,
  leaseAtMost: 9_000,
} as const;

const backlog: Scenario = {
  name: 'lease-backlog',
  title: 'lease, batch 100, 8 clients, with 1,000,000 waiting against 10,000',
  atLeast: 0.9,
  run: (bed, options) =>
    compare(
      { ...options, runs: 2 * options.runs + 1 },
      {
        baseline: () => httpSide(bed, { ...options, ...BACKLOG_LEASE, waiting: 10_000 }),
        subject: () => httpSide(bed, { ...options, ...BACKLOG_LEASE, waiting: 1_000_000, fillOnce: true }),
      },
    ),
};

const leasedHead: Scenario = {
  name: 'lease-leased-head',
  title: 'lease, batch 100, 8 clients, behind 100,000 leased items against none',
  atLeast: 0.9,
  run: (bed, options) =>
    compare(options, {
      baseline: () => httpSide(bed, { ...options, operation: 'lease', batch: 100, clients: 8 }),
      subject: () =>
        httpSide(bed, { ...options, operation: 'lease', batch: 100, clients: 8, leasedAtHead: 100_000 }),
    }),
};

/** Items per second of both sides. */
async function compare(
  { runs }: Pick<RunOptions, 'runs'>,
  sides: { readonly baseline: () => Promise<Side>; readonly subject: () => Promise<Side> },
): Promise<Ratio> {
  const baseline = await sides.baseline();
  const subject = await sides.subject();
  return { ...(await byTurns(runs, rate(baseline), rate(subject))), unit: ITEMS, details: {} };
}

function accessControl(batch: number, clients: number): Scenario {
  const work = { operation: 'produce', batch, clients } as const;
  return {
    name: `access-produce-${batch}`,
    title: `access control: produce, batch ${batch}, ${clients} clients, with API keys against without`,
    atLeast: 0.97,
    run: (bed, options) =>
      compare(
        { ...options, runs: 2 * options.runs + 1 },
        {
          baseline: () => httpSide(bed, { ...options, ...work }),
          subject: async () => httpSide(bed, { ...options, ...work, site: await bed.guardedSite() }),
        },
      ),
  };
}

/** A dedup key on every request, as the client's producer sends them. */
function dedupKeys(batch: number, clients: number): Scenario {
  const work = { operation: 'produce', batch, clients } as const;
  return {
    name: `dedup-produce-${batch}`,
    title: `produce, batch ${batch}, ${clients} clients, with a dedup key on each request against without`,
    run: (bed, options) =>
      compare(options, {
        baseline: () => httpSide(bed, { ...options, ...work }),
        subject: () => httpSide(bed, { ...options, ...work, dedup: true }),
      }),
  };
}

/** The rows that compare items per second of two sides. */
export const rateScenarios: readonly Scenario[] = [
  againstRaw('produce', 100, 1.2),
  againstRaw('produce', 1_000, 1.2),
  produceOne,
  bareServerOne,
  cycleOne,
  againstRaw('lease', 100, 1),
  againstRaw('lease', 1_000, 1),
  againstRaw('complete', 100, 0.8),
  againstRaw('complete', 1_000, 0.8),
  backlog,
  leasedHead,
  json('bytes'),
  json('utf8'),
  memoryOne,
  dedupKeys(1, 64),
  dedupKeys(100, 8),
  accessControl(1, 64),
  accessControl(100, 8),
  againstService('produce'),
  againstService('lease'),
  againstService('complete'),
];
