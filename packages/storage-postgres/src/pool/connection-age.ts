import { type Instant, millisecondsBetween } from '@querator/core';
import type { Connection } from '../connection/connection.ts';
import type { PoolSettings } from '../settings/pool-settings.ts';

/** pgxpool's defaults, which docs/storage/postgres.md refers to. */
const DEFAULT_MAX_CONN_LIFETIME_MS = 60 * 60_000;
const DEFAULT_MAX_CONN_IDLE_TIME_MS = 30 * 60_000;
/** The longest time between two checks for outdated connections. */
const LONGEST_ROUND_MS = 60_000;

/** Whether a connection has reached its maximum age. */
export function isOld({ openedAt }: Connection, settings: PoolSettings, now: Instant): boolean {
  return millisecondsBetween(openedAt, now) >= (settings.maxConnLifetimeMs ?? DEFAULT_MAX_CONN_LIFETIME_MS);
}

/**
 * The idle connections to close: the old ones, and those that were idle for too long.
 * Of the latter, the minimum number stays open.
 *
 * @param idle the longest idle first.
 * @param open the number of all connections, idle or not.
 */
export function outdated(
  idle: readonly Connection[],
  { settings, open, now }: { readonly settings: PoolSettings; readonly open: number; readonly now: Instant },
): readonly Connection[] {
  const { maxConnIdleTimeMs = DEFAULT_MAX_CONN_IDLE_TIME_MS, minConns = 0 } = settings;
  const old = idle.filter((connection) => isOld(connection, settings, now));
  const unused = idle.filter(
    (connection) =>
      !old.includes(connection) && millisecondsBetween(connection.idleSince, now) >= maxConnIdleTimeMs,
  );
  return [...old, ...unused.slice(0, Math.max(0, open - old.length - minConns))];
}

/** The time between two checks, in milliseconds. */
export function roundMs({ maxConnLifetimeMs, maxConnIdleTimeMs }: PoolSettings): number {
  return Math.min(
    LONGEST_ROUND_MS,
    maxConnLifetimeMs ?? LONGEST_ROUND_MS,
    maxConnIdleTimeMs ?? LONGEST_ROUND_MS,
  );
}
