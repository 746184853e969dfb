import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSampled, pairsOf, readTraceContext } from '../../src/tracing/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const VALID = `00-${TRACE}-${SPAN}-01`;

describe('a trace context', () => {
  test.each([
    [VALID, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    // Unknown flags, and what a later version appends, are no reason to lose a trace.
    [`00-${TRACE}-${SPAN}-ff`, true],
    [`01-${TRACE}-${SPAN}-01-later`, true],
  ])('%s is read', (traceparent, sampled) => {
    const context = readTraceContext(traceparent, undefined);
    expect(context).toMatchObject({ traceId: TRACE, spanId: SPAN, isRemote: true });
    expect(context && isSampled(context)).toBe(sampled);
  });

  test.each([
    undefined,
    '',
    'x',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
    ` ${VALID}`,
    `${VALID}, ${VALID}`,
    `01-${TRACE}-${SPAN}-01-${'x'.repeat(100_000)}`,
  ])('%s is none', (traceparent) => {
    expect(readTraceContext(traceparent, 'a=b')).toBeUndefined();
  });

  test('keeps a well-formed state of at most 512 characters', () => {
    const stateOf = (tracestate: string) => readTraceContext(VALID, tracestate)?.traceState?.serialize();
    expect(stateOf('rojo=00f067aa0ba902b7,congo=t61rcWkgMzE')).toBe(
      'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
    );
    expect(stateOf('nonsense')).toBeUndefined();
    expect(stateOf(`a=${'b'.repeat(600)}`)).toBeUndefined();
    expect(stateOf('')).toBeUndefined();
  });

  test('comes back from its pairs, whatever it is', () => {
    const hex = (length: number) =>
      fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
    fc.assert(
      fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, sampled) => {
        fc.pre(!/^0+$/.test(traceId) && !/^0+$/.test(spanId));
        const given = { traceId, spanId, traceFlags: sampled ? 1 : 0 };
        const pairs = pairsOf(given);
        expect(readTraceContext(pairs.get('traceparent'), pairs.get('tracestate'))).toEqual({
          ...given,
          isRemote: true,
        });
      }),
    );
  });

  test('no text of a client makes it throw', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (traceparent, tracestate) => {
        readTraceContext(traceparent, tracestate);
        readTraceContext(VALID, tracestate);
      }),
    );
  });
});
