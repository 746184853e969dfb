import { SystemClock, silentLogger } from '@querator/core';
import { parseConnectionString } from '../../src/connection-string.ts';
import { Connector } from '../../src/connector.ts';
import { DEFAULT_TIME_LIMITS } from '../../src/index.ts';
import { PoolerMode } from '../../src/pooler-mode.ts';

const clock = new SystemClock();

/** Opens a connection as a pool would, asks it one thing, and closes it. */
export async function askOver<Row>(connectionString: string, query: string): Promise<Row> {
  const settings = parseConnectionString(connectionString);
  const deps = { logger: silentLogger, target: 'test', onFound: () => {} };
  const connector = new Connector(settings, { clock, pooler: new PoolerMode(settings.pooler, deps) });
  const connection = await connector.open(DEFAULT_TIME_LIMITS, new AbortController().signal);
  try {
    const { rows } = await connection.query({ text: query });
    return rows[0] as Row;
  } finally {
    await connection.close();
  }
}
