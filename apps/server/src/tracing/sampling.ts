import type { SpanContext } from '@opentelemetry/api';
import { type IdGenerator, RandomIdGenerator, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import { isSampled } from './trace-context.ts';
import type { SamplerSettings } from './trace-settings.ts';

/** The decision of the SDK's samplers to record a span. */
const RECORD_AND_SAMPLED = 2;

/**
 * Decides which calls are recorded, before anything is made for them: a span that is
 * not recorded would cost several times as much as the decision.
 */
export class Sampling {
  readonly #settings: SamplerSettings;
  readonly #ratio: TraceIdRatioBasedSampler;
  readonly #random = new RandomIdGenerator();
  #traceId: string | undefined;

  constructor(settings: SamplerSettings) {
    this.#settings = settings;
    this.#ratio = new TraceIdRatioBasedSampler(settings.ratio);
  }

  /** The ids of spans. The trace that was decided for last has the id by which it was. */
  readonly ids: IdGenerator = {
    generateTraceId: () => {
      const traceId = this.#traceId ?? this.#random.generateTraceId();
      this.#traceId = undefined;
      return traceId;
    },
    generateSpanId: () => this.#random.generateSpanId(),
  };

  /**
   * Whether a call is recorded. Begin its span at once if so.
   *
   * @param parent the context that the client sent. Undefined: the call begins a trace.
   */
  includes(parent: SpanContext | undefined): boolean {
    this.#traceId = undefined;
    if (parent !== undefined) {
      return this.#settings.isParentBased ? isSampled(parent) : this.#isChosen(parent.traceId);
    }
    if (this.#settings.ratio === 0) return false;
    const traceId = this.#random.generateTraceId();
    if (!this.#isChosen(traceId)) return false;
    this.#traceId = traceId;
    return true;
  }

  /** As other programs with the same ratio decide for the same trace. */
  #isChosen(traceId: string): boolean {
    return this.#ratio.shouldSample(undefined as never, traceId).decision === RECORD_AND_SAMPLED;
  }
}
