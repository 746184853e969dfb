import { type Attributes, type Link, type Span, type SpanContext, SpanStatusCode } from '@opentelemetry/api';
import type { Metadata } from '@querator/core';
import type { CallTrace, TracedOutcome } from '../http/call/call-trace.ts';
import { type MessagingOperation, messagingAttributes } from './messaging.ts';
import { isSampled, pairsOf, readTraceContext, TRACEPARENT, TRACESTATE } from './trace-context.ts';

/** More links than this would make a span large; the others are counted. */
export const MOST_LINKS = 32;

/** Texts of clients are cut to this many characters. */
const MOST_TEXT = 512;

/** What a span knows of its call when it begins. */
export interface CallSpanSettings {
  /** The context that the client sent. Undefined: none. */
  readonly sent: SpanContext | undefined;
  /** Undefined: the call is none of messaging, or its conventions are off. */
  readonly operation: MessagingOperation | undefined;
  /** Whether items get the context of the call, and the call links those of its items. */
  readonly propagates: boolean;
}

/** The span of a call. */
export class CallSpan implements CallTrace {
  readonly #span: Span;
  readonly #sent: SpanContext | undefined;
  readonly #operation: MessagingOperation | undefined;
  readonly #propagates: boolean;
  readonly context: SpanContext;
  readonly logFields: CallTrace['logFields'];

  constructor(span: Span, { sent, operation, propagates }: CallSpanSettings) {
    this.#span = span;
    this.#sent = sent;
    this.#operation = operation;
    this.#propagates = propagates;
    this.context = span.spanContext();
    this.logFields = { trace_id: this.context.traceId, span_id: this.context.spanId };
  }

  get sentPairs(): Metadata | undefined {
    return this.#sent !== undefined && isSampled(this.#sent) ? pairsOf(this.#sent) : undefined;
  }

  get ownPairs(): Metadata | undefined {
    return this.#propagates ? pairsOf(this.context) : undefined;
  }

  end({ status, request, response, bytes, replyBytes, error }: TracedOutcome): void {
    const items = itemsOf(request, response);
    this.#span.setAttributes({
      'http.response.status_code': status,
      ...(bytes === undefined ? {} : { 'http.request.body.size': bytes }),
      ...(replyBytes === undefined ? {} : { 'http.response.body.size': replyBytes }),
      ...queueOf(request),
      ...(items === undefined ? {} : { 'querator.items': items.length }),
      ...(this.#operation && messagingAttributes(this.#operation, request, items)),
    });
    if (this.#propagates) this.#linkProducers(response);
    if (status >= 500) {
      this.#span.setAttribute('error.type', String(status));
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
      if (error instanceof Error)
        this.#span.recordException({ name: error.name, message: cut(error.message) });
    }
    this.#span.end();
  }

  /** Links a lease to the contexts of the items that it got. */
  #linkProducers(response: unknown): void {
    const links: Link[] = [];
    let others = 0;
    for (const { metadata } of listOf(response, 'items') as { readonly metadata?: unknown }[]) {
      if (!(metadata instanceof Map) || !metadata.has(TRACEPARENT)) continue;
      const context = readTraceContext(metadata.get(TRACEPARENT), metadata.get(TRACESTATE));
      if (context === undefined || !isSampled(context)) continue;
      if (links.length < MOST_LINKS) links.push({ context });
      else others++;
    }
    if (links.length > 0) this.#span.addLinks(links);
    if (others > 0) this.#span.setAttribute('querator.links.left_out', others);
  }
}

/** The items or ids that a call is about: of its reply, if that has some. */
function itemsOf(request: unknown, response: unknown): readonly unknown[] | undefined {
  const lists = [
    [response, 'items'],
    [request, 'ids'],
    [request, 'items'],
  ] as const;
  return lists.map(([message, field]) => listOf(message, field)).find((list) => list.length > 0);
}

function listOf(message: unknown, field: string): readonly unknown[] {
  const list = (message as Readonly<Record<string, unknown>> | undefined)?.[field];
  return Array.isArray(list) ? list : [];
}

function queueOf(request: unknown): Attributes {
  const { queueName } = (request ?? {}) as { readonly queueName?: unknown };
  return typeof queueName === 'string' && queueName !== '' ? { 'querator.queue': cut(queueName) } : {};
}

function cut(text: string): string {
  return text.slice(0, MOST_TEXT);
}
