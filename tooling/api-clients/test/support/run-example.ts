import process from 'node:process';
import { mustRun } from '@querator/tooling-processes';
import { expect } from 'vitest';
import { startTestServer } from '../../src/test-server.ts';

const KEY = `qtr-ci-${'b'.repeat(43)}`;

/**
 * Runs an example against a server with access control. It must leave no item.
 *
 * @param queue the queue that it uses.
 * @returns what it prints.
 */
export async function runExample(
  queue: string,
  [program, ...args]: readonly [string, ...string[]],
  cwd?: string,
): Promise<string> {
  const server = await startTestServer({ 'auth-backend': { driver: 'internal', 'admin-key': KEY } });
  try {
    const env = { ...process.env, QUERATOR_API_KEY: KEY };
    const output = await mustRun(program, [...args, server.url], { env, ...(cwd !== undefined && { cwd }) });
    const reply = await fetch(`${server.url}/v2/items.find`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${KEY}` },
      body: JSON.stringify({ queue_name: queue }),
    });
    expect([reply.status, await reply.json()]).toEqual([200, {}]);
    return output;
  } finally {
    await server.stop();
  }
}
