import type { WireFormat } from '@querator/protocol';
import { type CostPerItem, Meter } from '../testbed/meter.ts';
import { httpSide, rawSide, type SideOptions, serviceSide } from '../testbed/sides.ts';
import type { TestBed } from '../testbed/test-bed.ts';
import { median } from '../workload/percentile.ts';
import type { Operation, Outcome } from '../workload/work.ts';

/** What a figure is about. */
export interface Point {
  readonly operation: Exclude<Operation, 'bare' | 'cycle'>;
  /** Items that wait, for a lease; absent: as many as can be leased in the time. */
  readonly waiting?: number | undefined;
  readonly format: WireFormat;
  readonly batch: number;
  readonly clients: number;
  readonly partitions: number;
  readonly payloadBytes: number;
}

/** Items a second: the median of all runs, with the least and the greatest. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
}

/** Latency from when a request was due, at a steady rate below what the server can do. */
export interface SteadyLatency {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** One point, measured. */
export interface Figure extends Point {
  /** The best statement on one connection; absent for a mix, which has none. */
  readonly raw: Spread | undefined;
  readonly service: Spread;
  readonly http: Spread;
  readonly cost: CostPerItem;
  readonly latency: SteadyLatency | undefined;
}

/** The share of the rate that was reached at which latency is measured: a busy server, not a full one. */
const STEADY_SHARE = 0.5;
const LEASED_OF_BACKLOG = 9_000;
/** A backlog larger than this is filled once, and the little that is leased is not missed. */
const REFILLED = 100_000;

/** Measures a point: raw, service and HTTP by turns, then latency at a steady rate. */
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
    // The first turn warms all of them up, and does not count.
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
  // A mix paces itself; with items that were counted out beforehand, no rate could be kept up.
  if (point.operation === 'mix' || point.waiting !== undefined) return undefined;
  const requestsPerSecond = Math.max(1, Math.floor((rate / point.batch) * STEADY_SHARE));
  const side = await httpSide(bed, { ...point, seconds, requestsPerSecond });
  const { p50Ms, p99Ms, p999Ms } = await side();
  return { requestsPerSecond, p50Ms, p99Ms, p999Ms };
}

/**
 * Where it matters how many items wait, a measurement leases so few that it
 * stays true. Both numbers are leased from in the same way.
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
