// biome-ignore-all lint/style/noRestrictedGlobals: converts given times, and reads no clock.
import { instantFromMilliseconds, milliseconds } from '@querator/core';
import type { ServerTime } from './queue-port.ts';

/** The `Date` header has whole seconds. */
const DATE_PRECISION = milliseconds(1_000);

/** The time of a reply, by its header `Date`. Undefined without a readable one. */
export function serverTimeOf(header: (name: string) => string | undefined): ServerTime | undefined {
  const count = Date.parse(header('Date') ?? '');
  return Number.isNaN(count) ? undefined : { at: instantFromMilliseconds(count), precision: DATE_PRECISION };
}
