import { errorText, invalid, type QueueError } from '@querator/core';

/**
 * The largest request body per call, in bytes (docs/reference/limits.md). The
 * reference server allows only 512 bytes for four calls, too few for a valid
 * lease; here they may have 256,000.
 */
export const BODY_LIMITS = {
  produce: 5_000_000,
  queueUpdate: 512_000,
  import: 64_000_000,
  other: 256_000,
} as const;

/** The error for a body of more than `limit` bytes. */
export function bodyTooLarge(limit: number): QueueError {
  return invalid(errorText`request body exceeds ${formatByteSize(limit)} limit`, 'too_large');
}

/**
 * Formats a size for these errors. A multiple of 1024 has binary units
 * (`250.0KiB`), any other size decimal ones (`5.0MB`), a size below one unit bytes.
 */
export function formatByteSize(bytes: number): string {
  const binary = bytes % 1024 === 0;
  const step = binary ? 1024 : 1000;
  if (bytes < step) return `${bytes}B`;
  const units = binary ? ['KiB', 'MiB', 'GiB'] : ['kB', 'MB', 'GB'];
  const power = Math.min(units.length, Math.floor(Math.log(bytes) / Math.log(step) + 1e-9));
  return `${(bytes / step ** power).toFixed(1)}${units[power - 1]}`;
}
