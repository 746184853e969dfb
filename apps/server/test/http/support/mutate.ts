import type { SeededRandom } from '@querator/core/testing';

/** Texts that decoders have stumbled over. */
const TOKENS = [
  '0',
  '-1',
  '-0',
  '1e9',
  '1e999',
  '1.5',
  '2147483647',
  '2147483648',
  '-2147483649',
  '9'.repeat(400),
  `1${'0'.repeat(400)}`,
  `0.${'0'.repeat(400)}1`,
  'null',
  'true',
  '{}',
  '[]',
  '""',
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  '\\udc00',
  ',',
  ':',
  '[[[[[[[[',
  '{"a":{"a":{"a":',
  '}]}]}]',
  '\u0000',
  '\ufeff',
  '\ufffd',
  '\u202e',
  '\u0085',
  '😀',
  'e\u0301',
  '~',
  ' ',
  'x'.repeat(600),
  '1h'.repeat(200),
  '__proto__',
  '"__proto__":1,',
  '"constructor":{},',
  '-9223372036854775808ns',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.9999999999Z',
  '2026-02-30T00:00:00Z',
  '====',
].map((token) => Buffer.from(token));

/** Bytes with a meaning in protobuf: lengths that lie, numbers of ten bytes, groups, fixed numbers. */
const WIRE_TOKENS = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
  [0x0b, 0x13, 0x1b, 0x1c, 0x14, 0x0c],
  Array<number>(120).fill(0x0b),
  [0x0a, 0x7f],
  [0x1a, 0xff, 0x7f],
  [0x0d, 1, 2, 3, 4],
  [0x09, 1, 2, 3, 4, 5, 6, 7, 8],
  [0x02, 0x00],
  [0xc3, 0x28],
  [0xed, 0xa0, 0x80],
  [0xf8, 0xff, 0xff, 0xff, 0x0f, 0x01],
].map((token) => Buffer.from(token));

type Mutation = (body: Buffer, dice: Dice) => Buffer;

/** Whole numbers from a seeded source. */
export class Dice {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** From 0 up to but not including `end`. */
  below(end: number): number {
    return Math.floor(this.#random.fraction() * end);
  }

  oneOf<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

/** A part of a body, in bytes: `start` to `end`. */
function partOf(body: Buffer, dice: Dice): [start: number, end: number] {
  const start = dice.below(body.length + 1);
  return [start, start + dice.below(Math.min(40, body.length - start) + 1)];
}

function replaced(body: Buffer, start: number, end: number, by: Buffer): Buffer {
  return Buffer.concat([body.subarray(0, start), by, body.subarray(end)]);
}

/** Each changes a body in one place. */
const MUTATIONS: readonly Mutation[] = [
  function flipBit(body, dice) {
    const changed = Buffer.from(body);
    const at = dice.below(Math.max(1, changed.length));
    if (changed.length > 0) changed[at] = (changed[at] as number) ^ (1 << dice.below(8));
    return changed;
  },
  function replaceByte(body, dice) {
    const at = dice.below(Math.max(1, body.length));
    return replaced(body, at, at + 1, Buffer.from([dice.oneOf([0, 1, 0x7f, 0x80, 0xff, dice.below(256)])]));
  },
  function truncate(body, dice) {
    return body.subarray(0, dice.below(body.length + 1));
  },
  function removePart(body, dice) {
    return replaced(body, ...partOf(body, dice), Buffer.alloc(0));
  },
  function repeatPart(body, dice) {
    const [start, end] = partOf(body, dice);
    const part = body.subarray(start, end);
    return replaced(body, start, start, Buffer.concat(Array<Buffer>(1 + dice.below(200)).fill(part)));
  },
  function repeatAll(body, dice) {
    return Buffer.concat(Array<Buffer>(2 + dice.below(3)).fill(body));
  },
  function insertToken(body, dice) {
    const at = dice.below(body.length + 1);
    return replaced(body, at, at, dice.oneOf(TOKENS));
  },
  function replaceByToken(body, dice) {
    return replaced(body, ...partOf(body, dice), dice.oneOf(TOKENS));
  },
  function insertWireToken(body, dice) {
    const at = dice.below(body.length + 1);
    return replaced(body, at, at, dice.oneOf(WIRE_TOKENS));
  },
  function replaceNumber(body, dice) {
    const text = body.toString('latin1');
    const numbers = [...text.matchAll(/[0-9]+/g)];
    if (numbers.length === 0) return body;
    const { index, 0: digits } = dice.oneOf(numbers);
    return replaced(body, index, index + digits.length, dice.oneOf(TOKENS.slice(0, 12)));
  },
  function replaceString(body, dice) {
    const strings = [...body.toString('latin1').matchAll(/"[^"]*"/g)];
    if (strings.length === 0) return body;
    const { index, 0: string } = dice.oneOf(strings);
    const quote = Buffer.from('"');
    return replaced(body, index, index + string.length, Buffer.concat([quote, dice.oneOf(TOKENS), quote]));
  },
  function nest(body, dice) {
    const depth = 1 + dice.below(2_000);
    const [start, end] = partOf(body, dice);
    return replaced(body, start, end, Buffer.from('[{"items":'.repeat(depth)));
  },
];

/** Changes a body in a few places. One in ten stays as it is. */
export function mutate(body: Buffer, dice: Dice): Buffer {
  let changed = body;
  const times = dice.oneOf([0, 1, 1, 1, 1, 2, 2, 3, 4, 8]);
  for (let n = 0; n < times; n++) changed = dice.oneOf(MUTATIONS)(changed, dice);
  return changed.subarray(0, 200_000);
}
