import { z } from 'zod';

/**
 * The smallest memory budget. The share of producers, a half of it, holds one
 * import of the greatest length and leaves a margin for smaller requests.
 */
export const SMALLEST_MEMORY_BUDGET = 160_000_000;

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['kB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

const EXPECTED = 'expected a number of bytes, or a size such as 512MB or 2GiB';

/** A number of bytes, or a text such as `512MB`. */
export function byteSize(least: number) {
  return z.union([z.int(), z.string()], { error: EXPECTED }).transform((size, context) => {
    const bytes = typeof size === 'number' ? size : parse(size);
    const message =
      bytes === undefined ? EXPECTED : bytes < least ? `expected at least ${least} bytes` : undefined;
    if (bytes !== undefined && message === undefined) return bytes;
    context.addIssue({ code: 'custom', message: message ?? EXPECTED });
    return z.NEVER;
  });
}

function parse(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,15}) ?([A-Za-z]*)$/.exec(text) ?? [];
  const factor = UNITS.get(unit);
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}
