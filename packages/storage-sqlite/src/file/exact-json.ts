/** A value that JSON lacks, in JSON. No record of this package has properties of these names. */
type Tagged = { readonly $integer: string } | { readonly $map: readonly (readonly [unknown, unknown])[] };

/** JSON that keeps instants, maps, and properties that are undefined. The value contains no null. */
export function writeExact(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown): unknown => {
    if (each === undefined) return null;
    if (typeof each === 'bigint') return { $integer: each.toString() } satisfies Tagged;
    return each instanceof Map ? ({ $map: [...each] } satisfies Tagged) : each;
  });
}

/** The value that was written. */
export function readExact<T>(text: string): T {
  return restored(JSON.parse(text)) as T;
}

function restored(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(restored);
  if ('$integer' in value) return BigInt(value.$integer as string);
  if ('$map' in value) return new Map(restored(value.$map) as [unknown, unknown][]);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, restored(each)]));
}
