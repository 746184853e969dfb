import { SystemClock, silentLogger } from '@querator/core';
import type { Connection } from '../../src/connection/connection.ts';
import { Connector } from '../../src/connection/connector.ts';
import { PoolerMode } from '../../src/connection/pooler-mode.ts';
import { DEFAULT_TIME_LIMITS } from '../../src/index.ts';
import { parseConnectionString } from '../../src/settings/connection-string.ts';

const clock = new SystemClock();

/** The connector of a pool. */
export function connectorFor(connectionString: string): Connector {
  const settings = parseConnectionString(connectionString);
  const deps = { logger: silentLogger, target: 'test', onDetected: () => {} };
  return new Connector(settings, { clock, pooler: new PoolerMode(settings.pooler, deps) });
}

/** Opens a connection as a pool would. */
export function openOver(connector: Connector): Promise<Connection> {
  return connector.open(DEFAULT_TIME_LIMITS, new AbortController().signal);
}

/** Opens a connection as a pool would, runs one query, and closes it. */
export async function askOver<Row>(connectionString: string, query: string): Promise<Row> {
  const connection = await openOver(connectorFor(connectionString));
  try {
    const [row] = await connection.query({ text: query });
    return row as Row;
  } finally {
    await connection.close();
  }
}
