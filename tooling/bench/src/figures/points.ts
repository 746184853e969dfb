import type { Point } from './figure.ts';

/** The values of each axis. */
export interface Axes {
  readonly operation: readonly OperationName[];
  readonly format: readonly Point['format'][];
  readonly batch: readonly number[];
  readonly clients: readonly number[];
  readonly partitions: readonly number[];
  readonly payloadBytes: readonly number[];
}

/** The operations by their names on the command line. A lease has one name for each backlog. */
export const OPERATIONS = {
  produce: { operation: 'produce' },
  lease: { operation: 'lease' },
  'lease-10k': { operation: 'lease', waiting: 10_000 },
  'lease-1m': { operation: 'lease', waiting: 1_000_000 },
  complete: { operation: 'complete' },
  mix: { operation: 'mix' },
} as const satisfies Record<string, Pick<Point, 'operation' | 'waiting'>>;

export type OperationName = keyof typeof OPERATIONS;

/** The centre. Each axis is varied from here, one at a time. */
const CENTRE = { format: 'protobuf', batch: 100, clients: 8, partitions: 1, payloadBytes: 100 } as const;

/** The points without a named axis: the centre, and the ends of each axis. */
const STAR: Omit<Axes, 'operation'> = {
  format: ['protobuf', 'json'],
  batch: [1, 10, 100, 1_000],
  clients: [1, 8, 64],
  partitions: [1, 4],
  payloadBytes: [100, 10_240],
};

const MOST_BACKLOG_BYTES = 1e9;

/** The name of an operation on the command line. */
export function operationName({ operation, waiting }: Pick<Point, 'operation' | 'waiting'>): OperationName {
  const names = Object.keys(OPERATIONS) as OperationName[];
  const found = names.find((name) => {
    const each: Pick<Point, 'operation' | 'waiting'> = OPERATIONS[name];
    return each.operation === operation && each.waiting === waiting;
  });
  return found ?? operation;
}

/**
 * The points to measure. Named axes span a grid. Without names, one axis at a time
 * is varied from the centre, since all combinations would take a day.
 */
export function pointsOf({ operation, ...named }: Partial<Axes>): readonly Point[] {
  const operations = operation ?? (Object.keys(OPERATIONS) as OperationName[]);
  const places = Object.values(named).some((values) => values !== undefined) ? grid(named) : star();
  const points = operations.flatMap((name) =>
    places.map((place): Point => ({ ...OPERATIONS[name], ...place })),
  );
  return points.filter(isAffordable);
}

type Place = Omit<Point, 'operation' | 'waiting'>;

function star(): readonly Place[] {
  const places = new Map<string, Place>();
  for (const [axis, values] of Object.entries(STAR)) {
    for (const value of values) {
      const place: Place = { ...CENTRE, [axis]: value };
      places.set(JSON.stringify(place), place);
    }
  }
  return [...places.values()];
}

function grid(named: Partial<Omit<Axes, 'operation'>>): readonly Place[] {
  let places: Place[] = [CENTRE];
  for (const [axis, values] of Object.entries(named)) {
    if (values === undefined) continue;
    places = places.flatMap((place) => values.map((value) => ({ ...place, [axis]: value })));
  }
  return places;
}

/** Leave out a million items of 10 KiB: each of three runs would write 10 GB. */
function isAffordable({ waiting = 0, payloadBytes }: Point): boolean {
  return waiting * payloadBytes <= MOST_BACKLOG_BYTES;
}
