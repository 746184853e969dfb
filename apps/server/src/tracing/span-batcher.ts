import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import { type CancelTimer, type Clock, type Logger, within } from '@querator/core';
import type { SpanCounts } from '../observability/span-metrics.ts';
import type { BatchSettings } from './trace-settings.ts';

export interface SpanBatcherDeps {
  readonly exporter: SpanExporter;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Sends finished spans in batches, one at a time. An exporter that is down or slow costs
 * a bounded queue, whose overflow is dropped and counted, and nothing else.
 */
export class SpanBatcher implements SpanProcessor {
  readonly #deps: SpanBatcherDeps;
  #exporter: SpanExporter;
  readonly #settings: BatchSettings;
  #queue: ReadableSpan[] = [];
  #exporting: Promise<void> | undefined;
  #cancelTimer: CancelTimer | undefined;
  #isStopping = false;
  #isStopped = false;
  #exported = 0;
  #overflowed = 0;
  #failed = 0;

  constructor(settings: BatchSettings, deps: SpanBatcherDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#exporter = deps.exporter;
  }

  counts(): SpanCounts {
    const [exported, overflowed, failed] = [this.#exported, this.#overflowed, this.#failed];
    return { exported, overflowed, failed, queued: this.#queue.length };
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#isStopped) {
      this.#failed++;
      return;
    }
    if (this.#queue.length >= this.#settings.queueSize) {
      this.#overflowed++;
      this.#deps.logger.warn('spans are dropped: their queue is full');
      return;
    }
    this.#queue.push(span);
    if (this.#queue.length >= this.#settings.batchSize) this.#begin();
    else this.#wait();
  }

  /** Sends what waits, until all is sent or a batch fails. Never rejects. */
  async forceFlush(): Promise<void> {
    while (this.#queue.length > 0) {
      const failed = this.#failed;
      this.#begin();
      await this.#exporting;
      if (this.#failed > failed) return;
    }
    await this.#exporting;
  }

  async shutdown(): Promise<void> {
    await this.stop(this.#settings.exportTimeoutMs);
  }

  /**
   * Sends what waits, for at most so long, and drops the rest. Never rejects.
   *
   * @param last sends from now on. An exporter that repeats for longer would keep the process alive.
   */
  async stop(timeoutMs: number, last: SpanExporter = this.#exporter): Promise<void> {
    this.#isStopping = true;
    this.#exporter = last;
    await within(this.#deps.clock, timeoutMs, this.forceFlush());
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#failed += this.#queue.length;
    if (this.#queue.length > 0)
      this.#deps.logger.warn('spans were dropped at the stop', { spans: this.#queue.length });
    this.#queue = [];
  }

  #wait(): void {
    if (this.#cancelTimer !== undefined || this.#exporting !== undefined) return;
    this.#cancelTimer = this.#deps.clock.startTimer(this.#settings.delayMs, () => this.#begin());
  }

  #begin(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#exporting !== undefined || this.#queue.length === 0) return;
    this.#exporting = this.#export(this.#queue.splice(0, this.#settings.batchSize)).then(() => {
      this.#exporting = undefined;
      // The stop sends the rest itself.
      if (this.#isStopping || this.#queue.length === 0) return;
      if (this.#queue.length >= this.#settings.batchSize) this.#begin();
      else this.#wait();
    });
  }

  async #export(spans: ReadableSpan[]): Promise<void> {
    const error = await within(this.#deps.clock, this.#settings.exportTimeoutMs, this.#send(spans));
    if (error === SENT) {
      this.#exported += spans.length;
      return;
    }
    this.#failed += spans.length;
    const cause = error ?? new Error('the export took too long');
    this.#deps.logger.warn('spans were dropped: the exporter failed', { spans: spans.length, err: cause });
  }

  #send(spans: ReadableSpan[]): Promise<unknown> {
    return new Promise((resolve) => {
      try {
        this.#exporter.export(spans, ({ code, error }) => {
          resolve(code === 0 ? SENT : (error ?? new Error('the exporter gave no reason')));
        });
      } catch (error) {
        resolve(error);
      }
    });
  }
}

const SENT = Symbol('sent');
