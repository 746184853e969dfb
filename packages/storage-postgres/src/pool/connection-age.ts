import { type Instant, millisecondsBetween } from '@querator/core';
import type { Connection } from '../connection/connection.ts';
import type { PoolSettings } from '../settings/pool-settings.ts';

/** pgxpool's defaults, which the storage document refers to. */
const DEFAULT_MAX_CONN_LIFETIME_MS = 60 * 60_000;
const DEFAULT_MAX_CONN_IDLE_TIME_MS = 30 * 60_000;
/** How often connections are looked through for outdated ones, at most. */
const LONGEST_ROUND_MS = 60_000;

/** Whether a connection has lived for as long as one may. */
export function isOld({ openedAt }: Connection, settings: PoolSettings, now: Instant): boolean {
  return millisecondsBetween(openedAt, now) >= (settings.maxConnLifetimeMs ?? DEFAULT_MAX_CONN_LIFETIME_MS);
}

/**
 * The idle connections that are to be closed: the old ones, and of those that
 * have been idle for too long as many as leave the least number.
 *
 * @param idle the longest idle first.
 * @param open how many there are, idle or not.
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

/** How often to look, in milliseconds. */
export function roundMs({ maxConnLifetimeMs, maxConnIdleTimeMs }: PoolSettings): number {
  return Math.min(
    LONGEST_ROUND_MS,
    maxConnLifetimeMs ?? LONGEST_ROUND_MS,
    maxConnIdleTimeMs ?? LONGEST_ROUND_MS,
  );
}
