import type { ServerResponse } from 'node:http';
import { type Logger, overloaded, type QueueError } from '@querator/core';
import { type AnyEndpoint, codecs } from '@querator/protocol';
import type { MemoryBudget, MemoryShare } from '../budget/memory-budget.ts';
import { ReceivedBody } from '../budget/received-body.ts';
import type { AdmittedCall } from '../call/admitted-call.ts';
import type { Answer } from '../call/answer.ts';
import type { CallPipeline } from '../call/call-pipeline.ts';
import type { BodyReceiver, CallMessage } from './call-message.ts';
import type { Connection, Receiving, Turn } from './connection.ts';
import type { Connections } from './connections.ts';
import { type AnswerLimit, NodeCallContext } from './node-call-context.ts';
import type { Exchange } from './other-request.ts';
import { LINGER_MS } from './refuse-request.ts';
import { sendAnswer } from './send-answer.ts';

/** Answers up to this length are always sent. */
const SMALL_ANSWER_BYTES = 65_536;

/** The permissions to read. */
const READS = /\.(list|stats|health|metrics)$/;

/** Whether a call may wait for items. */
export function mayWait({ traffic }: Pick<AnyEndpoint, 'traffic'>): boolean {
  return traffic === 'waits';
}

/** Whether a call returns data, which may be long. */
export function returnsData({ response }: { readonly response: unknown }): boolean {
  return response !== codecs.Reply;
}

/** Whether a call changes nothing, so that it may be refused although it ran. */
function changesNothing({ permission }: Pick<AnyEndpoint, 'permission'>): boolean {
  return permission !== undefined && READS.test(permission);
}

/** What the calls of a server share. */
export interface NodeCallDeps {
  readonly calls: CallPipeline;
  readonly budget: MemoryBudget;
  readonly connections: Connections;
  readonly logger: Logger;
}

/**
 * An admitted call on a connection: receives its body, waits for its turn, runs,
 * and sends the answer. A call that is refused meanwhile is answered at once,
 * and the rest of its body is read and dropped.
 */
export class NodeCall implements AnswerLimit, BodyReceiver, Receiving, Turn {
  readonly #deps: NodeCallDeps;
  readonly #call: AdmittedCall;
  readonly #connection: Connection;
  readonly incoming: CallMessage;
  readonly outgoing: ServerResponse;
  readonly share: MemoryShare;
  readonly waits: boolean;
  readonly runsAlone: boolean;
  readonly #body: ReceivedBody;
  /** Bytes of the budget, from the start of the call to its answer. */
  #heldRunning = 0;
  /** Whether the reply ends with the rest of the body. */
  #lingers = false;
  /** Why the call is refused before it runs. */
  #error: unknown;

  constructor(deps: NodeCallDeps, call: AdmittedCall, { incoming, outgoing, connection }: Exchange) {
    const { endpoint } = call.route;
    this.#deps = deps;
    this.#call = call;
    this.#connection = connection;
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.share = deps.budget.ofCall(endpoint);
    this.waits = mayWait(endpoint);
    this.runsAlone = returnsData(endpoint);
    this.#body = new ReceivedBody(this.share, call.announcedLength ?? endpoint.bodyLimit);
  }

  get heldBytes(): number {
    return this.#body.held;
  }

  /** Begins to receive the body. Call it in the `request` event. */
  receive(): void {
    const { announcedLength = 0 } = this.#call;
    this.incoming.takeBody(this.#call.announcedLength, this);
    if (this.share.hasRoom(announcedLength) || this.#evict(announcedLength)) {
      if (this.incoming.expectsContinue) this.outgoing.writeContinue();
      this.#connection.receives(this);
      return;
    }
    // A client that waits for 100 Continue may send no body now, and its next request would be taken for one.
    if (this.incoming.expectsContinue) this.outgoing.shouldKeepAlive = false;
    this.refuse();
  }

  piece(bytes: Uint8Array): void {
    if (this.#error !== undefined) return;
    if (!this.share.hasRoom(bytes.length, this.#body.held)) this.#evict(bytes.length);
    // The eviction may have refused this call.
    if (this.#error !== undefined) return;
    try {
      this.#body.add(bytes);
    } catch (error) {
      this.#refuse(error);
    }
  }

  complete(): void {
    if (this.#error !== undefined) {
      if (this.#lingers) this.outgoing.end();
      return;
    }
    this.#connection.received();
    this.#connection.run(this);
  }

  refuse(): void {
    this.share.refuse();
    this.#refuse(overloaded());
  }

  drop(): void {
    // Pieces that still come are dropped too.
    this.#error ??= overloaded();
    this.#body.release();
  }

  run(): void {
    void this.#run();
  }

  async #run(): Promise<void> {
    try {
      if (this.waits && !this.#deps.connections.mayWait) {
        this.#error ??= overloaded();
        // A call that does not wait needs the place.
        this.outgoing.shouldKeepAlive = false;
      } else if (
        this.runsAlone &&
        !this.waits &&
        !this.#deps.connections.hasRoomForAnswer(SMALL_ANSWER_BYTES)
      ) {
        // Its answer could not be sent.
        this.#error ??= overloaded();
      }
      const answer = await this.#begin();
      if (answer.held !== undefined) {
        this.#releaseRunning();
        await answer.held;
      }
      this.#send(answer);
    } catch (error) {
      const { path, headers } = this.#call;
      const { requestId, trace } = headers;
      this.#deps.logger.error('reply could not be sent', {
        path,
        requestId,
        ...trace?.logFields,
        err: error,
      });
      this.outgoing.destroy();
    }
    this.#releaseRunning();
    this.#connection.ended(this);
  }

  #releaseRunning(): void {
    this.share.used -= this.#heldRunning;
    this.#heldRunning = 0;
  }

  /** A reply that closes the connection of a client that is still sending would be lost, so it waits for the body. */
  #send(answer: Answer): void {
    const { incoming, outgoing } = this;
    this.#lingers = this.#error !== undefined && !incoming.complete && !outgoing.shouldKeepAlive;
    sendAnswer(outgoing, answer, { end: !this.#lingers });
    if (this.#lingers) incoming.socket.setTimeout(LINGER_MS);
  }

  /** Decodes the body and calls the handler, in this turn of the event loop. */
  #begin(): Promise<Answer> {
    const { calls, budget } = this.#deps;
    const context = new NodeCallContext(this.outgoing, this.#call, this);
    const { held } = this.#body;
    if (this.#error !== undefined) {
      this.#body.release();
      return calls.run(this.#call, Promise.reject(this.#error), context);
    }
    const body = this.#body.take();
    this.#body.release();
    const itemsBefore = budget.items;
    const answering = calls.run(this.#call, body, context);
    // Produced items lie in their body, and the engine has taken their bytes by now.
    this.#heldRunning = Math.max(held - (budget.items - itemsBefore), 0);
    this.share.used += this.#heldRunning;
    return answering;
  }

  /** A long answer must not wait in memory beside too many others. What a call has changed, it also tells. */
  refusalOf(bytes: number): QueueError | undefined {
    if (bytes <= SMALL_ANSWER_BYTES || !changesNothing(this.#call.route.endpoint)) return undefined;
    return this.#deps.connections.hasRoomForAnswer(bytes) ? undefined : overloaded();
  }

  #evict(bytes: number): boolean {
    return this.#deps.connections.evictBodies(this.share) && this.share.hasRoom(bytes, this.#body.held);
  }

  #refuse(error: unknown): void {
    this.#error = error;
    this.#body.release();
    this.#connection.received();
    this.#connection.run(this);
  }
}
