import { QueueError } from '@querator/core';
import { endpointsV2 } from '@querator/protocol';
import type { Call } from '../call.ts';

/** What a server is and can do. */
export interface ServerInfo {
  /** Undefined: the server does not say, or not to this caller. */
  readonly version: string | undefined;
  /** The versions of the API that it serves: `v1`, `v2`. */
  readonly api: readonly string[];
  /** What it can do besides `v1`, as `server.info` names it. */
  readonly capabilities: ReadonlySet<string>;
}

/** A server without the calls under `/v2/`. */
const V1_ONLY: ServerInfo = { version: undefined, api: ['v1'], capabilities: new Set() };

/** Calls whose capability has the name of the call. */
const PROBED = Object.values(endpointsV2.queue);

/** What calls can do since they exist. */
const PARTS: readonly (readonly [call: string, parts: readonly string[]])[] = [
  ['queue.produce', ['queue.produce.dedup']],
];

/**
 * Makes the function that asks what the server can do. It asks once, and
 * remembers the answer. After a failed call it asks again.
 *
 * @returns a function that throws as all calls do.
 */
export function discovery(call: Call): () => Promise<ServerInfo> {
  let known: Promise<ServerInfo> | undefined;
  return () => {
    if (known === undefined) {
      known = ask(call);
      known.catch(() => {
        known = undefined;
      });
    }
    return known;
  };
}

async function ask(call: Call): Promise<ServerInfo> {
  try {
    const { version, api, capabilities } = await call(endpointsV2.server.info, {});
    return { version, api, capabilities: new Set(capabilities) };
  } catch (error) {
    if (!(error instanceof QueueError)) throw error;
    if (error.code === 'unknown_method') return V1_ONLY;
    if (error.code === 'forbidden') return { ...V1_ONLY, api: ['v1', 'v2'], capabilities: await probe(call) };
    throw error;
  }
}

/** Finds out which calls exist, for a caller who may not ask: an empty request changes nothing. */
async function probe(call: Call): Promise<ReadonlySet<string>> {
  const names = await Promise.all(
    PROBED.map(async (endpoint) => {
      try {
        await call<unknown, unknown>(endpoint, {});
      } catch (error) {
        if (!(error instanceof QueueError)) throw error;
        if (error.code === 'unknown_method') return [];
      }
      return [endpoint.path.slice('/v2/'.length)];
    }),
  );
  const found = new Set(names.flat());
  for (const [name, parts] of PARTS) if (found.has(name)) for (const part of parts) found.add(part);
  return found;
}
