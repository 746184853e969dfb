const PLAIN = /^-?(?:0|[1-9][0-9]{0,9})$/;
const PARTS = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;

const LEAST = -0x8000_0000;
const GREATEST = 0x7fff_ffff;

/**
 * Parses a JSON number that is an int32 in any form: `10`, `1e1` and `10.0` are
 * equal. It works on the digits, because a double would round away the fraction
 * of a long number.
 *
 * @returns undefined if the text is a fraction, out of range, or not a JSON number.
 */
export function parseInt32(text: string): number | undefined {
  if (PLAIN.test(text)) return inRange(Number(text));
  const parts = PARTS.exec(text);
  if (parts === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts;
  const allDigits = whole + fraction;
  const digits = withoutTrailingZeros(allDigits).replace(/^0+/, '');
  if (digits === '') return 0;
  const zeros =
    Number(exponent) - fraction.length + (allDigits.length - withoutTrailingZeros(allDigits).length);
  if (zeros < 0 || digits.length + zeros > 10) return undefined;
  return inRange(Number(sign + digits + '0'.repeat(zeros)));
}

function inRange(value: number): number | undefined {
  // Adding 0 turns -0 into 0.
  return value >= LEAST && value <= GREATEST ? value + 0 : undefined;
}

/** A loop, because a regular expression would retry at every run of zeros. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end--;
  return digits.slice(0, end);
}
