import { isValidTraceId, type SpanContext } from '@opentelemetry/api';
import { type IdGenerator, RandomIdGenerator, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import { isSampled } from './trace-context.ts';
import type { SamplerSettings } from './trace-settings.ts';

/** The decision of the SDK's samplers to record a span. */
const RECORD_AND_SAMPLED = 2;

/**
 * Decides which calls are recorded, before anything is made for them: a span that is
 * not recorded would cost several times as much as the decision.
 *
 * The SDK compares the exclusive or of the four words of a trace id with a bound. So this
 * draws the exclusive or first, and makes an id only for the calls that are recorded.
 */
export class Sampling {
  readonly #settings: SamplerSettings;
  readonly #ratio: TraceIdRatioBasedSampler;
  readonly #bound: number;
  readonly #random = new RandomIdGenerator();
  /** What decided for the next trace. Undefined: the trace has been begun, or is that of a parent. */
  #drawn: number | undefined;

  constructor(settings: SamplerSettings) {
    this.#settings = settings;
    this.#ratio = new TraceIdRatioBasedSampler(settings.ratio);
    this.#bound = settings.ratio === 1 ? 2 ** 32 : Math.floor(settings.ratio * (2 ** 32 - 1));
  }

  /** The ids of spans. The trace that was decided for last has an id for which other programs decide the same. */
  readonly ids: IdGenerator = {
    generateTraceId: () => {
      const drawn = this.#drawn;
      this.#drawn = undefined;
      return drawn === undefined ? this.#random.generateTraceId() : traceIdOf(drawn);
    },
    generateSpanId: () => this.#random.generateSpanId(),
  };

  /**
   * Whether a call is recorded. Begin its span at once if so.
   *
   * @param parent the context that the client sent. Undefined: the call begins a trace.
   */
  includes(parent: SpanContext | undefined): boolean {
    this.#drawn = undefined;
    if (parent !== undefined) {
      return this.#settings.isParentBased ? isSampled(parent) : this.#isChosen(parent.traceId);
    }
    const drawn = word();
    if (drawn >= this.#bound) return false;
    this.#drawn = drawn;
    return true;
  }

  #isChosen(traceId: string): boolean {
    return this.#ratio.shouldSample(undefined as never, traceId).decision === RECORD_AND_SAMPLED;
  }
}

/** A trace id whose four words have this exclusive or. */
function traceIdOf(drawn: number): string {
  for (;;) {
    const words = [word(), word(), word()];
    const last = words.reduce((xor, each) => (xor ^ each) >>> 0, drawn);
    const traceId = [...words, last].map((each) => each.toString(16).padStart(8, '0')).join('');
    if (isValidTraceId(traceId)) return traceId;
  }
}

function word(): number {
  return (Math.random() * 2 ** 32) >>> 0;
}
