import {
  type Instant,
  type InstantRange,
  type ItemFilter,
  instantFromMicroseconds,
  type JsonValue,
} from '@querator/core';

/** An {@link InstantRange} as JSON: microseconds since 1970, as text. */
type RangeJson = { readonly from?: string; readonly to?: string };

/** An `ItemFilter` as JSON, in version 1 of it: what is absent is no condition. */
export type FilterJson = {
  readonly state?: ItemFilter['state'];
  readonly ids?: readonly string[];
  readonly firstId?: string;
  readonly sourceId?: string;
  readonly reference?: string;
  readonly kind?: string;
  readonly encoding?: string;
  readonly metadata?: readonly (readonly [string, string])[];
  readonly error?: string;
  readonly reason?: ItemFilter['reason'];
  readonly sourceQueue?: string;
  readonly withoutError?: boolean;
  readonly created?: RangeJson;
  readonly due?: RangeJson;
  /** In base64. */
  readonly payload?: string;
};

/**
 * Whether a filter has conditions that servers of the release before leave out: their task would take
 * more items than it may.
 */
export function hasLaterConditions({ sourceQueue, withoutError }: ItemFilter): boolean {
  return sourceQueue !== undefined || withoutError !== undefined;
}

/** The filter for the parameters of a task. */
export function filterToJson(filter: ItemFilter): JsonValue {
  const { metadata, created, due, payload, ...texts } = filter;
  const json: FilterJson = {
    ...(texts as Partial<FilterJson>),
    ...(metadata === undefined ? {} : { metadata: [...metadata] }),
    ...(created === undefined ? {} : { created: rangeToJson(created) }),
    ...(due === undefined ? {} : { due: rangeToJson(due) }),
    ...(payload === undefined ? {} : { payload: Buffer.from(payload).toString('base64') }),
  };
  // Leaves out what is undefined.
  return JSON.parse(JSON.stringify(json)) as JsonValue;
}

/** The filter that {@link filterToJson} stored. */
export function filterFromJson(json: JsonValue): ItemFilter {
  const { metadata, created, due, payload, ...texts } = json as FilterJson;
  return {
    ...texts,
    metadata: metadata && new Map(metadata),
    created: created && rangeFromJson(created),
    due: due && rangeFromJson(due),
    payload: payload === undefined ? undefined : Buffer.from(payload, 'base64'),
  };
}

function rangeToJson({ from, to }: InstantRange): RangeJson {
  return {
    ...(from === undefined ? {} : { from: String(from) }),
    ...(to === undefined ? {} : { to: String(to) }),
  };
}

function rangeFromJson({ from, to }: RangeJson): InstantRange {
  return { from: instantOf(from), to: instantOf(to) };
}

function instantOf(text: string | undefined): Instant | undefined {
  return text === undefined ? undefined : instantFromMicroseconds(BigInt(text));
}
