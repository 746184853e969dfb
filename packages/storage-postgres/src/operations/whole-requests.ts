import type { Outcome, QueueError } from '@querator/core';
import type { Database, Session, Statement } from '../database/database.ts';
import { PostgresError } from '../errors/postgres-error.ts';
import { ITEMS_PER_STATEMENT } from '../sql/new-item-id.ts';
import { isRefusedData } from '../sql/refused-data.ts';

/** How requests are stored whose items get new ids. */
export interface RequestWriter<Request, Result> {
  /** The number of the request's items. */
  readonly count: (request: Request) => number;
  /** Stores requests in one statement, each as a whole. */
  readonly insert: (send: Session['query'], requests: readonly Request[]) => Promise<readonly Result[]>;
  /** The error for a request whose data the database refuses. */
  readonly refused: (error: PostgresError, request: Request) => Promise<QueueError>;
}

/** Stores all requests in one statement. It is atomic, which keeps each request whole. */
export async function writeRequests<Request, Result>(
  db: Database,
  requests: readonly Request[],
  writer: RequestWriter<Request, Result>,
): Promise<readonly Outcome<Result>[]> {
  try {
    const results = await writeAll(db, requests, writer);
    return results.map((value) => ({ ok: true, value }));
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    const [only] = requests;
    if (requests.length === 1 && only !== undefined) {
      return [{ ok: false, error: await writer.refused(error, only) }];
    }
    return await oneByOne(db, requests, writer);
  }
}

/**
 * The data of one request was refused, so stores each by itself, in one transaction.
 * If storage fails in between, nothing is left that the caller would store twice.
 */
async function oneByOne<Request, Result>(
  db: Database,
  requests: readonly Request[],
  { insert, refused }: RequestWriter<Request, Result>,
): Promise<readonly Outcome<Result>[]> {
  const results = await db.transaction(async (session) => {
    const outcomes: (Result | PostgresError)[] = [];
    for (const request of requests) {
      await session.query({ text: 'SAVEPOINT request' });
      try {
        const send = <Row>(statement: Statement) => session.query<Row>(statement);
        outcomes.push(...(await insert(send, [request])));
      } catch (error) {
        if (!isRefusedData(error)) throw error;
        await session.query({ text: 'ROLLBACK TO SAVEPOINT request' });
        outcomes.push(error);
      }
      await session.query({ text: 'RELEASE SAVEPOINT request' });
    }
    return outcomes;
  });
  const toOutcome = async (result: Result | PostgresError, index: number) =>
    result instanceof PostgresError
      ? { ok: false as const, error: await refused(result, requests[index] as Request) }
      : { ok: true as const, value: result };
  return await Promise.all(results.map(toOutcome));
}

/** In one statement, or in one transaction if the positions in an id are not enough. */
function writeAll<Request, Result>(
  db: Database,
  requests: readonly Request[],
  { count, insert }: RequestWriter<Request, Result>,
): Promise<readonly Result[]> {
  const groups = groupForStatements(requests, count);
  const [only] = groups;
  if (only === undefined) return Promise.resolve([]);
  if (groups.length === 1) return insert((statement) => db.write(statement), only);
  return db.transaction(async (session) => {
    const results: Result[] = [];
    for (const group of groups) {
      results.push(...(await insert((statement) => session.query(statement), group)));
    }
    return results;
  });
}

function groupForStatements<Request>(
  requests: readonly Request[],
  count: (request: Request) => number,
): readonly (readonly Request[])[] {
  const groups: Request[][] = [];
  let room = 0;
  for (const request of requests) {
    const items = count(request);
    if (groups.length === 0 || items > room) {
      groups.push([]);
      room = ITEMS_PER_STATEMENT;
    }
    groups.at(-1)?.push(request);
    room -= items;
  }
  return groups;
}
