import { invalid, type QueueError } from '@querator/core';

/**
 * How many bytes a request body may have (wire.md, section 6). The four limits
 * of 512 bytes there are 256,000 here: 512 are too few for a legal lease.
 */
export const BODY_LIMITS = {
  produce: 5_000_000,
  queueUpdate: 512_000,
  import: 64_000_000,
  other: 256_000,
} as const;

/** A body of more than `limit` bytes is refused with this. */
export function bodyTooLarge(limit: number): QueueError {
  return invalid(`request body exceeds ${formatByteSize(limit)} limit`);
}

/**
 * Prints a size as these errors do: in steps of 1024 where it is a multiple of
 * that (`250.0KiB`), of 1000 otherwise (`5.0MB`), below one step in bytes.
 */
export function formatByteSize(bytes: number): string {
  const binary = bytes % 1024 === 0;
  const step = binary ? 1024 : 1000;
  if (bytes < step) return `${bytes}B`;
  const units = binary ? ['KiB', 'MiB', 'GiB'] : ['kB', 'MB', 'GB'];
  const power = Math.min(units.length, Math.floor(Math.log(bytes) / Math.log(step) + 1e-9));
  return `${(bytes / step ** power).toFixed(1)}${units[power - 1]}`;
}
