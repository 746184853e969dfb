import {
  type Attributes,
  type Context,
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  type Link,
  type Meter,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
// biome-ignore lint/style/noRestrictedImports: an outermost function of the package.
import { type Clock, errorText, millisecondsBetween, SystemClock, verbatim } from '@querator/core';
import type { HandledWork, SentWork, Telemetry, TracePairs } from './telemetry/telemetry.ts';

/**
 * When the span of a send is the parent of the span of its handler. Otherwise that span begins a
 * trace of its own, with a link to the send. `first-attempt`: a trace ends with the first attempt,
 * and does not grow for days with each retry.
 */
export type SendParent = 'first-attempt' | 'always' | 'never';

/** Options of {@link openTelemetry}. */
export interface OpenTelemetryOptions {
  /** Default: the tracer `@querator/client` of the global provider. */
  readonly tracer?: Tracer | undefined;
  /** Default: the meter `@querator/client` of the global provider. */
  readonly meter?: Meter | undefined;
  /** Default: the environment variable `QUERATOR_TRACE_PARENT`, or else `first-attempt`. */
  readonly sendIsParent?: SendParent | undefined;
  readonly clock?: Clock | undefined;
}

const NAME = '@querator/client';

/**
 * Makes spans and metrics of producers and workers, by the conventions of
 * OpenTelemetry for messaging. The span of a send is the parent of the span of its
 * handler, in whatever process that runs: the trace context goes with the item,
 * where the server keeps metadata. Later attempts have a link instead; see
 * {@link SendParent}. Uses the API package only; a program chooses the SDK.
 *
 * @throws TypeError for an unknown `sendIsParent`, and for such a value of its variable.
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  return new OpenTelemetry(options);
}

class OpenTelemetry implements Telemetry {
  readonly #tracer: Tracer;
  readonly #sendIsParent: SendParent;
  readonly #clock: Clock;
  readonly #sent;
  readonly #consumed;
  readonly #sendDuration;
  readonly #processDuration;

  constructor({
    tracer = trace.getTracer(NAME),
    meter = metrics.getMeter(NAME),
    sendIsParent,
    clock = new SystemClock(),
  }: OpenTelemetryOptions) {
    this.#tracer = tracer;
    this.#sendIsParent = sendParentOf(sendIsParent);
    this.#clock = clock;
    this.#sent = meter.createCounter('messaging.client.sent.messages', { unit: '{message}' });
    this.#consumed = meter.createCounter('messaging.client.consumed.messages', { unit: '{message}' });
    this.#sendDuration = meter.createHistogram('messaging.client.operation.duration', { unit: 's' });
    this.#processDuration = meter.createHistogram('messaging.process.duration', { unit: 's' });
  }

  async send<T extends { readonly id: string | undefined }>(
    { queue, bytes }: SentWork,
    run: (pairs: TracePairs) => Promise<T>,
  ): Promise<T> {
    const attributes = { ...named(queue, 'send'), 'messaging.operation.type': 'send' };
    const span = this.#tracer.startSpan(`send ${queue}`, {
      kind: SpanKind.PRODUCER,
      attributes: { ...attributes, 'messaging.message.body.size': bytes },
    });
    const pairs: Record<string, string> = {};
    propagation.inject(trace.setSpan(context.active(), span), pairs, defaultTextMapSetter);
    const start = this.#clock.now();
    const measured = this.#measured(span, attributes, (all) => {
      this.#sent.add(1, all);
      this.#sendDuration.record(millisecondsBetween(start, this.#clock.now()) / 1_000, all);
    });
    return measured(async () => {
      const sent = await run(pairs);
      if (sent.id !== undefined) span.setAttribute('messaging.message.id', sent.id);
      return sent;
    });
  }

  async handle(work: HandledWork, run: () => Promise<void>): Promise<void> {
    const { queue, partition, id, firstId, attempts, bytes } = work;
    const attributes = { ...named(queue, 'process'), 'messaging.operation.type': 'process' };
    const { parent, links } = this.#origin(work);
    const settings = {
      kind: SpanKind.CONSUMER,
      links,
      root: links.length > 0,
      attributes: {
        ...attributes,
        'messaging.message.id': firstId ?? id,
        'messaging.message.body.size': bytes,
        'messaging.destination.partition.id': `${partition}`,
        'querator.item.id': id,
        'querator.item.attempts': attempts,
      },
    };
    const span = this.#tracer.startSpan(`process ${queue}`, settings, parent);
    const start = this.#clock.now();
    const measured = this.#measured(span, attributes, (all) => {
      this.#consumed.add(1, all);
      this.#processDuration.record(millisecondsBetween(start, this.#clock.now()) / 1_000, all);
    });
    await measured(() => context.with(trace.setSpan(parent, span), run));
  }

  /** The context in which a handler runs, and what it links. */
  #origin({ pairs, attempts, isDeadLetter }: HandledWork): {
    readonly parent: Context;
    readonly links: Link[];
  } {
    const active = context.active();
    const isFirst = attempts === 1 && isDeadLetter !== true;
    if (this.#sendIsParent === 'always' || (this.#sendIsParent === 'first-attempt' && isFirst)) {
      return { parent: propagation.extract(active, pairs, defaultTextMapGetter), links: [] };
    }
    // From the root: without a context of the item there is nothing to link.
    const extracted = propagation.extract(ROOT_CONTEXT, pairs, defaultTextMapGetter);
    const sent = trace.getSpanContext(extracted);
    return { parent: active, links: sent === undefined ? [] : [{ context: sent }] };
  }

  /** Ends the span with what a run throws, and records the metrics. */
  #measured(span: Span, attributes: Attributes, record: (attributes: Attributes) => void) {
    return async <T>(run: () => Promise<T>): Promise<T> => {
      try {
        const result = await run();
        record(attributes);
        return result;
      } catch (error) {
        const type = error instanceof Error ? error.name : typeof error;
        span.recordException(error instanceof Error ? error : String(error));
        span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
        span.setAttribute('error.type', type);
        record({ ...attributes, 'error.type': type });
        throw error;
      } finally {
        span.end();
      }
    };
  }
}

function named(queue: string, operation: string): Attributes {
  return {
    'messaging.system': 'querator',
    'messaging.destination.name': queue,
    'messaging.operation.name': operation,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const SEND_PARENTS: readonly SendParent[] = ['first-attempt', 'always', 'never'];
const VARIABLE = 'QUERATOR_TRACE_PARENT';

function sendParentOf(given: SendParent | undefined): SendParent {
  const variable = process.env[VARIABLE] ?? '';
  const value = given ?? (variable === '' ? 'first-attempt' : variable);
  const known = SEND_PARENTS.find((each) => each === value);
  if (known !== undefined) return known;
  const name = given === undefined ? VARIABLE : 'sendIsParent';
  throw new TypeError(
    errorText`${verbatim(name)} is invalid; expected one of ${verbatim(SEND_PARENTS.join(', '))}`,
  );
}
