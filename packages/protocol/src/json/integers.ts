const PLAIN = /^-?(?:0|[1-9][0-9]{0,9})$/;
const PARTS = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;

/** A range of integers, and the digits that one of them has at most. */
interface Range {
  readonly least: number;
  readonly greatest: number;
  readonly digits: number;
}

const INT32: Range = { least: -0x8000_0000, greatest: 0x7fff_ffff, digits: 10 };
/** Those that a number can hold. No count or size of the API is greater. */
const INT64: Range = { least: Number.MIN_SAFE_INTEGER, greatest: Number.MAX_SAFE_INTEGER, digits: 16 };

/**
 * Parses a JSON number that is an int32 in any form: `10`, `1e1` and `10.0` are
 * equal. It works on the digits, because a double would round away the fraction
 * of a long number.
 *
 * @returns undefined if the text is a fraction, out of range, or not a JSON number.
 */
export function parseInt32(text: string): number | undefined {
  if (PLAIN.test(text)) return inRange(Number(text), INT32);
  return parseParts(text, INT32);
}

/** As {@link parseInt32}, for an int64 that is a safe integer. */
export function parseInt64(text: string): number | undefined {
  return parseParts(text, INT64);
}

function parseParts(text: string, range: Range): number | undefined {
  const parts = PARTS.exec(text);
  if (parts === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts;
  const allDigits = whole + fraction;
  const digits = withoutTrailingZeros(allDigits).replace(/^0+/, '');
  if (digits === '') return 0;
  const zeros =
    Number(exponent) - fraction.length + (allDigits.length - withoutTrailingZeros(allDigits).length);
  if (zeros < 0 || digits.length + zeros > range.digits) return undefined;
  return inRange(Number(sign + digits + '0'.repeat(zeros)), range);
}

function inRange(value: number, { least, greatest }: Range): number | undefined {
  // Adding 0 turns -0 into 0.
  return value >= least && value <= greatest ? value + 0 : undefined;
}

/** A loop, because a regular expression would retry at every run of zeros. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end--;
  return digits.slice(0, end);
}
