import { type Duration, DurationSyntaxError, parseDuration } from '@querator/core';
import { parseTimestamp, type Timestamp } from '@querator/protocol';
import { InvalidArgumentError } from 'commander';
import { usageError } from './command-error.ts';

/** Reads the whole number of a flag. The server checks its range. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^[+-]?[0-9]+$/.test(text) || Math.abs(value) >= 2 ** 31) {
    throw new InvalidArgumentError('It is not a whole number.');
  }
  return value;
}

/** Reads a flag's duration. @throws CommandError naming the flag. */
export function duration(flag: string, text: string): Duration {
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof DurationSyntaxError)) throw error;
    throw usageError(`invalid ${flag} format: ${error.message}`, error);
  }
}

/** Reads the time of a flag. @throws CommandError naming the flag. */
export function pointInTime(flag: string, text: string): Timestamp {
  const timestamp = parseTimestamp(text);
  if (timestamp === undefined) {
    throw usageError(`invalid ${flag} time format (use RFC3339): '${text}'`);
  }
  return timestamp;
}

/** Reads the time of a flag that may be absent. @throws CommandError naming the flag. */
export function timeOf(flag: string, text: string | undefined): Timestamp | undefined {
  return text === undefined ? undefined : pointInTime(flag, text);
}
