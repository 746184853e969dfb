import { databaseOf } from '../testbed/sides.ts';
import type { Site } from '../testbed/site.ts';
import type { TestBed } from '../testbed/test-bed.ts';
import type { Outcome } from '../workload/work.ts';
import { byTurns, type Ratio, type RunOptions, rateOf, type Scenario } from './scenario.ts';

/** The sizes: those that the rows promise, and smaller ones for CI. */
const FULL = { queues: 10_000, working: 100, partitions: 1_024, items: 10_000_000 };
const SHORT = { queues: 1_000, working: 50, partitions: 128, items: 300_000 };
const sizeOf = ({ short }: RunOptions) => (short === true ? SHORT : FULL);

/** Queues prepared at a time. */
const AT_ONCE = 8;
const CYCLE = { operation: 'cycle', batch: 10 } as const;

/** Idle queues must not slow down busy ones. */
const manyQueues: Scenario = {
  name: 'many-queues',
  title: 'the cycle on 100 queues, with 10,000 queues in the server against 100',
  atLeast: 0.9,
  async run(bed, options) {
    const { queues, working } = sizeOf(options);
    const few = await bed.site();
    const many = await bed.neighbourSite();
    const names = Array.from({ length: queues }, (_, n) => `bench-many-${n}`);
    await createAll(few, names.slice(0, working));
    const createSeconds = await seconds(() => createAll(many, names));
    // Otherwise the side with more new files would be measured while the database writes them.
    for (const site of [few, many]) await databaseOf(site).admin.query('CHECKPOINT');
    // The busy queues are spread evenly over all queues.
    const spread = names.filter((_, n) => n % (queues / working) === 0);
    const ratio = await byTurns(
      options.runs,
      () => onQueues(bed, few, names.slice(0, working), options),
      () => onQueues(bed, many, spread, options),
    );
    return { ...ratio, unit: 'items/s', details: { queues, working, createSeconds } };
  },
};

/** A large queue is created and deleted while a neighbour works. */
const manyPartitions: Scenario = {
  name: 'many-partitions',
  title: 'a neighbour while a queue of 1,024 partitions is created, counted, deleted, against at rest',
  atLeast: 0.5,
  async run(bed, options) {
    const { partitions } = sizeOf(options);
    const site = await bed.site();
    await site.createQueue('bench-neighbour');
    const rest = () => cycle(bed, site, 'bench-neighbour', options);
    await rest();
    const runs: { rest: number; phases: Record<string, Phase> }[] = [];
    for (let run = 0; run < options.runs; run++) {
      const name = `bench-partitions-${run}`;
      const atRest = rateOf(await rest());
      const phases = {
        create: await meanwhile(bed, site, options, () => site.createQueue(name, partitions)),
        count: await meanwhile(bed, site, options, () => site.stats(name)),
        delete: await meanwhile(bed, site, options, () => site.deleteQueue(name)),
      };
      runs.push({ rest: atRest, phases });
    }
    return worstOf(runs, partitions);
  },
};

/** A large queue whose stats are requested every second. */
const countedQueue: Scenario = {
  name: 'counted-queue',
  title: 'the cycle on a queue of 10,000,000 items whose stats are asked for each second, against not',
  atLeast: 0.8,
  async run(bed, options) {
    const { items } = sizeOf(options);
    const site = await bed.site();
    const queue = 'bench-counted';
    await site.createQueue(queue);
    await databaseOf(site).tables.fill(queue, 1, { waiting: items, payloadBytes: 10 });
    const firstSeconds = await seconds(() => site.stats(queue));
    const answers: Answer[] = [];
    // Long enough for several requests.
    const watched = { ...options, seconds: Math.max(options.seconds, options.short === true ? 2 : 5) };
    const asked = async () => {
      const dashboard = everySecond(async () => {
        const start = performance.now();
        const { countAge } = await site.stats(queue);
        answers.push({ ms: performance.now() - start, age: countAge });
      });
      const outcome = await cycle(bed, site, queue, watched);
      await dashboard.stop();
      return rateOf(outcome);
    };
    const ratio = await byTurns(
      options.runs,
      async () => rateOf(await cycle(bed, site, queue, watched)),
      asked,
    );
    const details = {
      ...{ items, firstSeconds },
      longestAnswerMs: Math.max(...answers.map(({ ms }) => ms)),
      oldestSeconds: Math.max(...answers.map(({ age }) => age)),
    };
    return { ...ratio, unit: 'items/s', details };
  },
};

/** How rates depend on the number of queues, partitions and items. */
export const sizeScenarios: readonly Scenario[] = [manyQueues, manyPartitions, countedQueue];

interface Answer {
  readonly ms: number;
  readonly age: number;
}

/** The neighbour's items per second, and the duration. */
interface Phase {
  readonly rate: number;
  readonly seconds: number;
}

function worstOf(
  runs: readonly { readonly rest: number; readonly phases: Readonly<Record<string, Phase>> }[],
  partitions: number,
): Ratio {
  const middle = (values: readonly number[]) =>
    values.toSorted((a, b) => a - b)[values.length >> 1] as number;
  const names = Object.keys(runs[0]?.phases ?? {});
  const phase = (name: string) => runs.map(({ rest, phases }) => ({ rest, ...(phases[name] as Phase) }));
  const ratios = names.map((name) => middle(phase(name).map(({ rate, rest }) => rate / rest)));
  const worst = ratios.indexOf(Math.min(...ratios));
  const worstRuns = phase(names[worst] as string);
  const all = worstRuns.map(({ rate, rest }) => rate / rest);
  return {
    ...{ ratio: ratios[worst] as number, least: Math.min(...all), greatest: Math.max(...all) },
    ...{ baseline: middle(runs.map(({ rest }) => rest)), subject: middle(worstRuns.map(({ rate }) => rate)) },
    unit: 'items/s',
    details: {
      partitions,
      ...Object.fromEntries(names.map((name, n) => [`${name}Ratio`, ratios[n] as number])),
      ...Object.fromEntries(
        names.map((name) => [`${name}Seconds`, middle(phase(name).map((each) => each.seconds))]),
      ),
    },
  };
}

/** The neighbour's rate while some work runs. */
async function meanwhile(
  bed: TestBed,
  site: Site,
  options: RunOptions,
  work: () => Promise<unknown>,
): Promise<Phase> {
  let isOver = false;
  const start = performance.now();
  let took = 0;
  const working = work().finally(() => {
    isOver = true;
    took = (performance.now() - start) / 1_000;
  });
  const done: Outcome[] = [];
  // Short measurements, since the last one ends after the work.
  while (!isOver) done.push(await cycle(bed, site, 'bench-neighbour', { ...options, seconds: 0.25 }));
  await working;
  const items = done.reduce((sum, outcome) => sum + outcome.items, 0);
  const spent = done.reduce((sum, outcome) => sum + outcome.seconds, 0);
  return { rate: items / spent, seconds: took };
}

/** Eight clients on one queue. */
async function cycle(
  bed: TestBed,
  site: Site,
  queue: string,
  { payloadBytes, seconds: forSeconds }: RunOptions,
): Promise<Outcome> {
  const load = await bed.load();
  const target = { port: site.server.port, queue, format: 'protobuf', payloadBytes } as const;
  return load.call('run', { target, work: { ...CYCLE, clients: 8, seconds: forSeconds } });
}

async function onQueues(
  bed: TestBed,
  site: Site,
  queues: readonly string[],
  { payloadBytes, seconds: forSeconds }: RunOptions,
): Promise<number> {
  const load = await bed.load();
  const target = { port: site.server.port, format: 'protobuf', payloadBytes } as const;
  return rateOf(await load.call('runOnQueues', { target, queues, work: { ...CYCLE, seconds: forSeconds } }));
}

/** Creates queues, a few at a time, each with its table. */
async function createAll(site: Site, names: readonly string[]): Promise<void> {
  const left = names.values();
  const one = async () => {
    for (const name of left) await site.createQueue(name);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1_000;
}

/** Repeats some work every second, or without a pause if it takes longer. */
function everySecond(work: () => Promise<void>): { readonly stop: () => Promise<void> } {
  const stopping = new AbortController();
  const run = async () => {
    while (!stopping.signal.aborted) {
      await work();
      await pause(1_000, stopping.signal);
    }
  };
  const running = run();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
