import { DurationSyntaxError, parseDuration, toMilliseconds } from '@querator/core';
import type { UriParameters } from './uri-parameters.ts';

/**
 * The settings of the pool in a connection string, in pgxpool's terms. Undefined if
 * the string does not set them.
 */
export interface PoolSettings {
  readonly maxConns?: number;
  readonly minConns?: number;
  readonly maxConnLifetimeMs?: number;
  readonly maxConnIdleTimeMs?: number;
  /** A connection that was idle for longer is tested before it is used. */
  readonly healthCheckPeriodMs?: number;
}

/** @throws Error that begins with the option that is wrong. It does not quote the value. */
export function takePoolSettings(parameters: UriParameters): PoolSettings {
  const count = (key: string, least: number) => {
    const text = parameters.take(key);
    if (text === undefined) return undefined;
    if (!/^\d{1,9}$/.test(text) || Number(text) < least) {
      throw new Error(`${key} must be an integer of at least ${least}`);
    }
    return Number(text);
  };
  const duration = (key: string) => {
    const text = parameters.take(key);
    if (text === undefined) return undefined;
    try {
      const ms = toMilliseconds(parseDuration(text));
      if (ms > 0) return ms;
    } catch (error) {
      if (!(error instanceof DurationSyntaxError)) throw error;
    }
    throw new Error(`${key} must be a duration such as 30m`);
  };
  const settings = {
    maxConns: count('pool_max_conns', 1),
    minConns: count('pool_min_conns', 0),
    maxConnLifetimeMs: duration('pool_max_conn_lifetime'),
    maxConnIdleTimeMs: duration('pool_max_conn_idle_time'),
    healthCheckPeriodMs: duration('pool_health_check_period'),
  };
  const said = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said) as PoolSettings;
}
