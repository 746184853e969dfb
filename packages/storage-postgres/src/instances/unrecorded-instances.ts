import type { UnrecordedInstance } from '@querator/core';
import type { Database } from '../database/database.ts';
import type { UnmarkedPeer, UnmarkedPeers } from '../signals/unmarked-peers.ts';

/** PostgreSQL hides addresses from roles other than the session's and monitoring roles. */
const SESSIONS = `
  SELECT pid, concat_ws(', ', nullif(application_name, ''), 'user ' || usename, 'address ' || host(client_addr),
    'since ' || to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) AS text
  FROM pg_stat_activity WHERE pid = ANY ($1::int[]) AND datname = current_database()`;

/**
 * The processes that send messages without a mark, with their database sessions.
 * Undefined while there may be others.
 */
export async function unrecordedInstances(
  db: Database,
  unmarked: UnmarkedPeers,
): Promise<readonly UnrecordedInstance[] | undefined> {
  const peers = unmarked.all;
  if (peers === undefined) return undefined;
  if (peers.length === 0) return [];
  const pids = peers.map(({ session }) => session);
  const rows = await db.read<{ readonly pid: number; readonly text: string }>({
    text: SESSIONS,
    values: [pids],
  });
  const texts = new Map(rows.map(({ pid, text }) => [pid, text]));
  unmarked.checked(new Set(texts.keys()));
  return unmarked.all?.map((peer) => describe(peer, texts));
}

function describe({ name, session }: UnmarkedPeer, texts: ReadonlyMap<number, string>): UnrecordedInstance {
  const known = texts.get(session);
  const text = `database session ${session}`;
  return { id: name, name: text, text: known === undefined ? text : `${text} (${known})` };
}
