import { type Link, ROOT_CONTEXT, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { EndStatement, EngineTracer, TracedStatement } from '@querator/engine';
import { CallSpan, MOST_LINKS } from './call-span.ts';

/** The names of databases in the conventions of OpenTelemetry, by the names of our drivers. */
const SYSTEMS: Readonly<Record<string, string>> = { postgres: 'postgresql', sqlite: 'sqlite' };

/**
 * Records storage calls. One that serves several requests is in the trace of the first,
 * and links the calls of all.
 */
export class StatementTracer implements EngineTracer {
  readonly #tracer: Tracer;
  readonly #drivers: ReadonlyMap<string, string>;

  /** @param drivers the names of drivers, by the names of their storages. */
  constructor(tracer: Tracer, drivers: ReadonlyMap<string, string>) {
    this.#tracer = tracer;
    this.#drivers = drivers;
  }

  statement({ traces, ...statement }: TracedStatement): EndStatement {
    const calls = traces.filter((each) => each instanceof CallSpan);
    const [first] = calls;
    const parent = first === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, first.context);
    const isShared = statement.requests > 1;
    const linked = isShared ? calls.slice(0, MOST_LINKS) : [];
    const links: Link[] = linked.map(({ context }) => ({ context }));
    const { operation, storage } = statement;
    const driver = this.#drivers.get(storage);
    const attributes = {
      ...(driver && { 'db.system.name': SYSTEMS[driver] ?? driver }),
      'db.operation.name': operation,
      ...(statement.items > 1 ? { 'db.operation.batch.size': statement.items } : {}),
      'querator.storage': storage,
      'querator.queue': statement.queue,
      'querator.partition': statement.partition,
      'querator.requests': statement.requests,
      ...(isShared && calls.length > MOST_LINKS
        ? { 'querator.links.left_out': calls.length - MOST_LINKS }
        : {}),
    };
    const settings = { kind: SpanKind.CLIENT, attributes, links };
    const span = this.#tracer.startSpan(`${operation} ${storage}`, settings, parent);
    return (error) => {
      if (error !== undefined) {
        span.setAttribute('error.type', error instanceof Error ? error.name : typeof error);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    };
  }
}
