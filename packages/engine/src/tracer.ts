import type { BatchOperation } from './observer.ts';

/** The trace of a request, made by whoever calls the service. The engine passes it on unread. */
export type RequestTrace = object;

/** A storage call for many requests, of which some have a trace. */
export interface TracedStatement {
  readonly operation: BatchOperation;
  readonly queue: string;
  readonly partition: number;
  /** The name of the partition's storage. */
  readonly storage: string;
  /** All requests that it carries. */
  readonly requests: number;
  /** The items that it writes or asks for. */
  readonly items: number;
  /** Of the requests that have one, at least one. */
  readonly traces: readonly RequestTrace[];
}

/** Ends a statement. @param error undefined: storage has answered. */
export type EndStatement = (error: unknown) => void;

/** Records storage calls in the traces of their requests. Its methods must not throw. */
export interface EngineTracer {
  /** A storage call begins. Not called for one whose requests have no trace. */
  statement(statement: TracedStatement): EndStatement;
}

/** Where and for whom a storage call is made. */
type StatementPlace = Pick<TracedStatement, 'operation' | 'queue' | 'items'> & {
  readonly partition: { readonly number: number; readonly storageName: string };
};

/** What carries the trace of its request. */
interface Traced {
  readonly trace?: RequestTrace | undefined;
}

/** The traces of requests. Undefined: none has one. */
export function tracesOf(requests: Iterable<Traced>): RequestTrace[] | undefined {
  let traces: RequestTrace[] | undefined;
  for (const { trace } of requests) {
    if (trace === undefined) continue;
    traces ??= [];
    traces.push(trace);
  }
  return traces;
}

/**
 * Begins the storage call of requests, if any of them has a trace.
 *
 * @param consumers requests that it serves too. Undefined: none.
 */
export function beginStatement(
  tracer: EngineTracer,
  { partition, ...place }: StatementPlace,
  requests: readonly { readonly pending: Traced }[],
  consumers: readonly { readonly pending: Traced }[] = [],
): EndStatement | undefined {
  const all = [...requests, ...consumers].map(({ pending }) => pending);
  const traces = tracesOf(all);
  if (traces === undefined) return undefined;
  const { number, storageName: storage } = partition;
  return tracer.statement({ ...place, partition: number, storage, requests: all.length, traces });
}
