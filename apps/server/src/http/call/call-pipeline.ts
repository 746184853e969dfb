import type { EndCall } from '@querator/access';
import type { Caller, Logger } from '@querator/core';
import {
  bodyTooLarge,
  methodNotAllowed,
  negotiateReply,
  unknownMethod,
  type WireFormat,
} from '@querator/protocol';
import type { MonotonicClock } from '../../monotonic-clock.ts';
import { AdmittedCall } from './admitted-call.ts';
import { type Answer, answerOf, successAnswer } from './answer.ts';
import type { Audit } from './audit.ts';
import { checkBodyEncoding } from './body-encoding.ts';
import type { CallContext } from './call-context.ts';
import type { CallHeaders } from './call-headers.ts';
import type { CallQuotas } from './call-quotas.ts';
import type { CallTrace } from './call-trace.ts';
import type { CallTracing } from './call-tracing.ts';
import { decoded } from './decode-request.ts';
import type { Gate, JudgedCall, WatchCall } from './gate.ts';
import { isLogged, refusal } from './refusal.ts';
import { REQUEST_ID_HEADER, type RequestIds } from './request-ids.ts';
import type { RequestLog } from './request-log.ts';
import { RevocableContext } from './revocable-context.ts';
import type { Route } from './route.ts';
import type { SourceRules } from './source-rules.ts';

/** The outcome of the checks: an admitted call, or the answer that refuses it. */
export type Admission = AdmittedCall | Answer;

/** The dependencies of the pipeline. */
export interface CallPipelineDeps {
  readonly sources: SourceRules;
  readonly gate: Gate;
  /** Undefined: quotas are not in use. */
  readonly quotas?: CallQuotas | undefined;
  readonly metrics: {
    /** Counts a request to one of the server's own paths. */
    answered(path: string, code: number, seconds: number, span?: CallTrace['logFields']): void;
  };
  readonly logger: Logger;
  readonly requestIds: RequestIds;
  /** Undefined: calls are not logged. */
  readonly requestLog?: RequestLog | undefined;
  /** Undefined: calls are not audited. */
  readonly audit?: Audit | undefined;
  /** Undefined: no call is recorded. */
  readonly tracing?: CallTracing | undefined;
  readonly monotonicClock: MonotonicClock;
}

/**
 * Takes a call from its head to its answer. Every adapter passes its calls
 * through the pipeline, so a rule that is added here holds for all of them.
 *
 * Health and metrics are pages, not calls: an adapter serves `GET` requests for
 * their paths itself, and the pipeline only checks the source of the request.
 */
export class CallPipeline {
  readonly #sources: SourceRules;
  readonly #gate: Gate;
  readonly #quotas: CallQuotas | undefined;
  readonly #metrics: CallPipelineDeps['metrics'];
  readonly #logger: Logger;
  readonly #requestIds: RequestIds;
  readonly #requestLog: RequestLog | undefined;
  readonly #audit: Audit | undefined;
  readonly #tracing: CallTracing | undefined;
  readonly #monotonicClock: MonotonicClock;

  constructor({ sources, gate, metrics, logger, monotonicClock, ...deps }: CallPipelineDeps) {
    this.#sources = sources;
    this.#gate = gate;
    this.#quotas = deps.quotas;
    this.#metrics = metrics;
    this.#logger = logger;
    this.#requestIds = deps.requestIds;
    this.#requestLog = deps.requestLog;
    this.#audit = deps.audit;
    this.#tracing = deps.tracing;
    this.#monotonicClock = monotonicClock;
  }

  /**
   * Checks the head of a request. The order decides which error a client sees:
   * source, method, authorization, path, `Accept`, encoding and announced length
   * of the body, quotas. Returns a promise only if authentication does. Never throws or
   * rejects.
   *
   * @param route the route of the path. Undefined: the path is unknown.
   * @param onLoopback whether the listener that received the request has a loopback address.
   */
  admit(
    method: string,
    path: string,
    route: Route | undefined,
    headers: CallHeaders,
    onLoopback: boolean,
  ): Admission | Promise<Admission> {
    if (headers.requestId !== undefined) this.#requestIds.replaceUnsafe(headers);
    const [log, tracing] = [this.#requestLog, this.#tracing];
    if (log === undefined && tracing === undefined) {
      return this.#admit(method, path, route, headers, onLoopback);
    }
    if (log !== undefined) this.#requestIds.ensure(headers);
    headers.trace = tracing?.begin({ method, path, route, headers });
    const startedMs = this.#monotonicClock();
    const followed = (admission: Admission) => {
      if (admission instanceof AdmittedCall) return admission;
      headers.trace?.end({ status: admission.status });
      log?.write({ method, path, headers, startedMs }, admission);
      return admission;
    };
    const admission = this.#admit(method, path, route, headers, onLoopback);
    return admission instanceof Promise ? admission.then(followed) : followed(admission);
  }

  #admit(
    method: string,
    path: string,
    route: Route | undefined,
    headers: CallHeaders,
    onLoopback: boolean,
  ): Admission | Promise<Admission> {
    const startedMs = this.#monotonicClock();
    try {
      this.#sources.check(headers, onLoopback);
      if (method !== 'POST') {
        return this.#counted(this.#answerOtherMethod(method, headers), path, route, startedMs);
      }
      const caller = this.#gate.authenticate(headers, route?.endpoint);
      if (!(caller instanceof Promise)) {
        return this.#admitCaller(caller, path, route, headers, startedMs);
      }
      return caller.then(
        (authenticated) => this.#admitCaller(authenticated, path, route, headers, startedMs),
        (error: unknown) => this.#counted(this.#refuse(error, path, headers), path, route, startedMs),
      );
    } catch (error) {
      return this.#counted(this.#refuse(error, path, headers), path, route, startedMs);
    }
  }

  /**
   * The answer that refuses a request for a page by its source. Undefined: the page may be sent.
   *
   * @param fromAnywhere whether pages of other sites may lead to it. Then only the host counts.
   */
  refusePage(
    path: string,
    headers: CallHeaders,
    { onLoopback, fromAnywhere = false }: { readonly onLoopback: boolean; readonly fromAnywhere?: boolean },
  ): Answer | undefined {
    if (headers.requestId !== undefined) this.#requestIds.replaceUnsafe(headers);
    try {
      if (fromAnywhere) this.#sources.checkHost(headers, onLoopback);
      else this.#sources.check(headers, onLoopback);
      return undefined;
    } catch (error) {
      return this.#refuse(error, path, headers);
    }
  }

  /** Headers of a reply besides its own: those that let the web page of a configured origin read it, and the id. */
  replyHeaders({ origin, requestId }: CallHeaders): Readonly<Record<string, string>> | undefined {
    const cors = origin === undefined ? undefined : this.#sources.corsHeaders(origin);
    return requestId === undefined ? cors : { ...cors, [REQUEST_ID_HEADER]: requestId };
  }

  /** Adds the headers that do not depend on the call. */
  complete(reply: Answer, headers: CallHeaders): Answer {
    const more = this.replyHeaders(headers);
    return more === undefined ? reply : { ...reply, headers: { ...reply.headers, ...more } };
  }

  /**
   * Runs an admitted call: checks and decodes the body, judges the caller, calls
   * the handler, encodes the reply, and counts the call. Never rejects.
   *
   * @param body a promise if the body is not complete yet. It may reject with the error for the client.
   */
  run(call: AdmittedCall, body: Uint8Array | Promise<Uint8Array>, context: CallContext): Promise<Answer> {
    // An async function that waits keeps its parameters, and the body may be large: those that wait do not get it.
    if (!(body instanceof Promise)) return this.#serve(call, decoded(call, body, context), context);
    const request = body.then((bytes) => decoded(call, bytes, context));
    return this.#serve(call, request, context);
  }

  /** @param decoding the request, or a promise of it, or the error of a faulty body. */
  async #serve(call: AdmittedCall, decoding: unknown, context: CallContext): Promise<Answer> {
    const { endpoint } = call.route;
    let request: unknown;
    let reply: Answer;
    /** Ends the call for its quotas. Undefined: there is nothing to end, or it has ended. */
    let end: EndCall | undefined;
    let response: unknown;
    let failure: unknown;
    const { audit } = call;
    try {
      request = decoding instanceof Promise ? await decoding : decoding;
      if (request instanceof Error) throw request;
      audit?.names(request);
      const renewed = this.#gate.renew(call.caller);
      context.caller = renewed instanceof Promise ? await renewed : renewed;
      if (endpoint.judgedBy === 'queue') {
        const judging = this.#gate.authorize(context.caller, endpoint.permission, queueNameOf(request));
        if (judging !== undefined) await judging;
      }
      const ending = this.#quotas?.begin(endpoint, request, {
        caller: context.caller,
        connection: call.headers.connection,
      });
      end = ending instanceof Promise ? await ending : ending;
      if (audit !== undefined) {
        context.audit = audit;
        await audit.begins(context.caller);
      }
      context.trace = call.headers.trace;
      response = await this.#handle(call, request, context);
      end?.(undefined, response);
      end = undefined;
      if (audit !== undefined) await audit.succeeded();
      const answering = answerOf(endpoint.response, response, call.replyFormat);
      if (answering instanceof Promise) reply = await answering;
      else reply = answering;
      const refused = context.answerRefusal?.(reply.body.length);
      if (refused !== undefined) throw refused;
      if (context.replyHeaders !== undefined) reply = { ...reply, headers: context.replyHeaders };
    } catch (error) {
      failure = error;
      end?.(error);
      const { path, headers } = call;
      reply = this.#refusal(error, call.replyFormat, { path, headers, queue: queueOf(request) });
      if (audit !== undefined) await audit.failed(error);
    }
    this.#count(call.path, reply, call.startedMs, call.headers.trace);
    call.headers.trace?.end({
      status: reply.status,
      ...{ request, response, error: failure },
      ...{ bytes: call.receivedBytes, replyBytes: Buffer.byteLength(reply.body) },
    });
    if (this.#requestLog !== undefined) {
      const { path, headers, startedMs } = call;
      const queue = queueOf(request);
      const isGone = context.isGone();
      const { caller } = context;
      this.#requestLog.write(
        { method: 'POST', path, headers, startedMs, caller, queue, bytes: call.receivedBytes, isGone },
        reply,
      );
    }
    return this.complete(reply, call.headers);
  }

  /** The answer to a failed request, in the format that its `Accept` asks for, or else in JSON. */
  refuse(error: unknown, path: string, headers: CallHeaders): Answer {
    if (headers.requestId !== undefined) this.#requestIds.replaceUnsafe(headers);
    const log = this.#requestLog;
    if (log === undefined) return this.#refuse(error, path, headers);
    this.#requestIds.ensure(headers);
    const refused = this.#refuse(error, path, headers);
    log.write({ method: undefined, path, headers, startedMs: this.#monotonicClock() }, refused);
    return refused;
  }

  #refuse(error: unknown, path: string, headers: CallHeaders): Answer {
    const format = acceptedFormat(headers.accept);
    return this.complete(this.#refusal(error, format, { path, headers }), headers);
  }

  /** A request whose failure is logged gets an id, so that the client can name the line. */
  #refusal(error: unknown, format: WireFormat, { headers, ...request }: FailedRequest): Answer {
    if (isLogged(error)) this.#requestIds.ensure(headers);
    const fields = { ...request, requestId: headers.requestId, ...headers.trace?.logFields };
    const refused = refusal(error, format, fields, this.#logger);
    const held = this.#quotas?.held(error);
    return held === undefined ? refused : { ...refused, held };
  }

  /** Only a browser's question whether a page may call is answered otherwise than by a refusal. */
  #answerOtherMethod(method: string, headers: CallHeaders): Answer {
    const allowed = this.#sources.preflightHeaders(method, headers.origin);
    if (allowed === undefined) throw methodNotAllowed(method);
    return { ...successAnswer('json'), headers: allowed };
  }

  #handle({ route }: AdmittedCall, request: unknown, context: CallContext): Promise<unknown> {
    const { watch } = this.#gate;
    const { endpoint } = route;
    if (watch === undefined || endpoint.traffic !== 'waits' || endpoint.judgedBy !== 'queue')
      return route.handle(request, context);
    const { permission } = endpoint;
    const call = { caller: context.caller, permission, queueName: queueNameOf(request) };
    return handleWatched(watch, call, { route, request, context });
  }

  #admitCaller(
    caller: Caller,
    path: string,
    route: Route | undefined,
    headers: CallHeaders,
    startedMs: number,
  ): Admission {
    if (route === undefined) return this.#refuse(unknownMethod(path), path, headers);
    const { endpoint } = route;
    const audit =
      endpoint.audited === false ? undefined : this.#audit?.record({ path, endpoint, headers, caller });
    try {
      // A client that cannot read the reply must not change anything, so `Accept` counts before the handler runs.
      const call = new AdmittedCall(
        path,
        route,
        { headers, caller, audit },
        negotiateReply(headers.accept),
        startedMs,
      );
      checkBodyEncoding(headers);
      const limit = endpoint.bodyLimit;
      if (call.announcedLength !== undefined && call.announcedLength > limit) throw bodyTooLarge(limit);
      this.#quotas?.admit(endpoint, caller, headers);
      return call;
    } catch (error) {
      const refused = this.#refuse(error, path, headers);
      void audit?.failed(error);
      return this.#counted(refused, path, route, startedMs);
    }
  }

  /** Counts an answer without a call. Paths that are not the server's own are not counted: there is no end of them. */
  #counted(answered: Answer, path: string, route: Route | undefined, startedMs: number): Answer {
    if (route !== undefined) this.#count(path, answered, startedMs);
    return answered;
  }

  #count(path: string, { status }: Answer, startedMs: number, trace?: CallTrace): void {
    const seconds = (this.#monotonicClock() - startedMs) / 1_000;
    this.#metrics.answered(path, status, seconds, trace?.logFields);
  }
}

/** A lease that waits ends when its caller loses the permission. */
async function handleWatched(
  watch: WatchCall,
  call: JudgedCall,
  {
    route,
    request,
    context,
  }: { readonly route: Route; readonly request: unknown; readonly context: CallContext },
): Promise<unknown> {
  const revocable = new RevocableContext(context);
  const refusal = Promise.withResolvers<never>();
  const end = watch(call, (error) => {
    revocable.revoke();
    refusal.reject(error);
  });
  try {
    return await Promise.race([route.handle(request, revocable), refusal.promise]);
  } finally {
    end();
  }
}

/** What is known of a failed request. */
interface FailedRequest {
  readonly path: string;
  readonly headers: CallHeaders;
  readonly queue?: string | undefined;
}

function acceptedFormat(accept: string | undefined): WireFormat {
  try {
    return negotiateReply(accept);
  } catch {
    return 'json';
  }
}

/** The queue of a call that is judged by its queue. */
function queueNameOf(request: unknown): string {
  return (request as { readonly queueName: string }).queueName;
}

function queueOf(request: unknown): string | undefined {
  const named = request as { readonly queueName?: unknown } | undefined;
  return typeof named?.queueName === 'string' ? named.queueName : undefined;
}
