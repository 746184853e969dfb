import type { WireFormat } from '@querator/protocol';
import { type CostPerItem, Meter } from '../testbed/meter.ts';
import { httpSide, rawSide, type SideOptions, serviceSide } from '../testbed/sides.ts';
import type { TestBed } from '../testbed/test-bed.ts';
import { median } from '../workload/percentile.ts';
import type { Operation, Outcome } from '../workload/work.ts';

/** What a figure measures. */
export interface Point {
  readonly operation: Exclude<Operation, 'bare' | 'cycle'>;
  /** Waiting items, for a lease. By default as many as can be leased in the time. */
  readonly waiting?: number | undefined;
  readonly format: WireFormat;
  readonly batch: number;
  readonly clients: number;
  readonly partitions: number;
  readonly payloadBytes: number;
}

/** Items per second: the median, the least and the greatest of all runs. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
}

/** Latency at a steady rate below the server's maximum, from the time that a request was due. */
export interface SteadyLatency {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** One point, measured. */
export interface Figure extends Point {
  /** The best statement on one connection. Undefined for a mix, which has no single statement. */
  readonly raw: Spread | undefined;
  readonly service: Spread;
  readonly http: Spread;
  readonly cost: CostPerItem;
  readonly latency: SteadyLatency | undefined;
}

/** Latency is measured at this share of the reached rate: on a busy server that still has capacity. */
const STEADY_SHARE = 0.5;
const LEASED_OF_BACKLOG = 9_000;
/** Fill a larger backlog only once, since the measurement leases only a small part of it. */
const REFILLED = 100_000;

/** Measures a point: raw, service and HTTP in turns, then latency at a steady rate. */
export async function measureFigure(
  bed: TestBed,
  point: Point,
  { runs, seconds }: { readonly runs: number; readonly seconds: number },
): Promise<Figure> {
  const options: SideOptions = { ...point, seconds, ...limitsOf(point) };
  const meter = new Meter(bed);
  const raw = point.operation === 'mix' ? undefined : await rawSide(bed, { ...options, clients: 1 });
  const service = await serviceSide(bed, options);
  const http = await httpSide(bed, { ...options, format: point.format });
  const outcomes = { raw: [] as Outcome[], service: [] as Outcome[], http: [] as Outcome[] };
  const costs: CostPerItem[] = [];
  for (let run = 0; run <= runs; run++) {
    const turn = {
      raw: raw === undefined ? [] : [await raw()],
      service: [await service()],
      http: [await http(meter.measured)],
    };
    // The first turn is a warm-up and does not count.
    if (run === 0) continue;
    outcomes.raw.push(...turn.raw);
    outcomes.service.push(...turn.service);
    outcomes.http.push(...turn.http);
    if (meter.last !== undefined) costs.push(meter.last);
  }
  const reached = spreadOf(outcomes.http);
  return {
    ...point,
    raw: raw === undefined ? undefined : spreadOf(outcomes.raw),
    service: spreadOf(outcomes.service),
    http: reached,
    cost: medianCost(costs),
    latency: await steadyLatency(bed, point, { seconds, rate: reached.median }),
  };
}

async function steadyLatency(
  bed: TestBed,
  point: Point,
  { seconds, rate }: { readonly seconds: number; readonly rate: number },
): Promise<SteadyLatency | undefined> {
  // A mix sets its own pace, and a limited number of items cannot sustain a rate.
  if (point.operation === 'mix' || point.waiting !== undefined) return undefined;
  const requestsPerSecond = Math.max(1, Math.floor((rate / point.batch) * STEADY_SHARE));
  const side = await httpSide(bed, { ...point, seconds, requestsPerSecond });
  const { p50Ms, p99Ms, p999Ms } = await side();
  return { requestsPerSecond, p50Ms, p99Ms, p999Ms };
}

/**
 * The number of items that a measurement leases where the backlog's size matters:
 * few, so that the size stays the same.
 */
function limitsOf({ waiting, batch }: Point): Partial<SideOptions> {
  if (waiting === undefined) return {};
  const leaseAtMost = Math.max(batch, Math.floor(LEASED_OF_BACKLOG / batch) * batch);
  return { leaseAtMost, fillOnce: waiting > REFILLED };
}

function spreadOf(outcomes: readonly Outcome[]): Spread {
  const rates = outcomes.map(({ items, seconds }) => items / seconds);
  return { median: median(rates), least: Math.min(...rates), greatest: Math.max(...rates) };
}

function medianCost(costs: readonly CostPerItem[]): CostPerItem {
  const of = (name: keyof CostPerItem) => median(costs.map((cost) => cost[name]));
  return {
    serverCpuUs: of('serverCpuUs'),
    postgresCpuUs: of('postgresCpuUs'),
    loadCpuUs: of('loadCpuUs'),
    walBytes: of('walBytes'),
    commits: of('commits'),
    statements: of('statements'),
  };
}
