import { ERROR_REASONS, MESSAGES } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { CALLS, checksOf } from '../src/checks/all-checks.ts';

/** The documented errors of all calls. Tests of the checks compare them with the server's. */
const ERRORS = CALLS.flatMap(({ steps }) => steps.flatMap(checksOf));

/** A field has a wrong value: the message names the field and what was expected. There is nothing for programs. */
const WRONG_VALUE = [
  /^[a-z_. ]+ (is invalid|is required|cannot be empty);/,
  /^invalid (client id|batch size|clear request|pause request);/,
  /^invalid storage id; '<id>' is listed more than once$/,
  /^lease timeout is too long;/,
];

/** Conflicts between settings, or with other requests, for which there is no word. */
const NO_WORD = [
  MESSAGES.duplicateClientId,
  MESSAGES.leaseTimedOut,
  'a session needs an API key in the header Authorization',
  'access denied',
  'dead_queue cannot reference itself',
  "queue cannot be deleted; storage '<storage>' of its partition '<partition>' is not configured, put it back, or use force to leave the items there",
  "queue is in use; '<name>' is the dead_queue of '<other name>', update that queue first or use force",
  'there are no sessions: access control or the console is off',
  'there is no session',
];

describe('the documented errors', () => {
  test('have a reason, unless a field has a wrong value or no word fits', () => {
    const texts = ERRORS.filter(({ reason }) => reason === undefined).map(({ text }) => text);
    const unexplained = texts.filter((text) => !WRONG_VALUE.some((pattern) => pattern.test(text)));
    expect([...new Set(unexplained)].sort()).toEqual([...NO_WORD].sort());
  });

  test('have a reason if the same text has one elsewhere', () => {
    const reasonsOf = (text: string) =>
      new Set(ERRORS.filter((error) => error.text === text).map(({ reason }) => reason ?? ''));
    const different = ERRORS.filter(({ text }) => reasonsOf(text).size > 1).map(({ text }) => text);
    // A scheduled item has the text of an unknown one under `/v1/`, and the word of a waiting one.
    expect([...new Set(different)]).toEqual(["invalid storage id; '<id>' does not exist"]);
  });

  test('use every word', () => {
    const used = new Set(ERRORS.map(({ reason }) => reason));
    expect(ERROR_REASONS.filter((reason) => !used.has(reason))).toEqual([]);
  });
});
