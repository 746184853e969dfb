import { type ForeignSystem, ForeignSystemFault, type SystemDeps } from './foreign-system.ts';

/** The systems whose jobs can be read. Each reader is loaded when it is used. */
const READERS: Readonly<Record<string, (address: string, deps: SystemDeps) => Promise<ForeignSystem>>> = {
  'pg-boss': async (address) => (await import('./pg-boss.ts')).openPgBoss(address),
  'graphile-worker': async (address) => (await import('./graphile-worker.ts')).openGraphileWorker(address),
  bullmq: async (address) => (await import('./bullmq.ts')).openBullMq(address),
  sqs: async (address, deps) => (await import('./sqs.ts')).openSqs(address, deps),
};

/** Whether an address is that of another system: `pg-boss:postgres://…`. */
export function isForeign(address: string): boolean {
  return Object.keys(READERS).some((name) => address.startsWith(`${name}:`));
}

/**
 * Connects to another system.
 *
 * @param address its name, a colon, and its own address.
 * @throws ForeignSystemFault if it is none, or the error of its client.
 */
export async function openSystem(address: string, deps: SystemDeps): Promise<ForeignSystem> {
  const colon = address.indexOf(':');
  const open = READERS[address.slice(0, colon)];
  if (open === undefined) {
    const names = Object.keys(READERS).join(', ');
    throw new ForeignSystemFault(`the address begins with none of these names and a colon: ${names}`);
  }
  const own = address.slice(colon + 1);
  if (!URL.canParse(own)) throw new ForeignSystemFault('what follows the name is not a URL');
  return open(own, deps);
}
