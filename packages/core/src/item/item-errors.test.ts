import { expect, test } from 'vitest';
import { checkItemId, itemNotLeased, noSuchItem } from './item-errors.ts';

const ID = '0'.repeat(27);

test('an unknown id of the right format does not exist', () => {
  expect(noSuchItem(ID)).toMatchObject({
    name: 'QueueError',
    code: 'invalid',
    message: `invalid storage id; '${ID}' does not exist`,
  });
});

test('an id of another format is malformed', () => {
  expect(noSuchItem('x').message).toBe("invalid storage id; 'x': Valid encoded KSUIDs are 27 characters");
  const great = 'z'.repeat(27);
  expect(noSuchItem(great).message).toBe(
    `invalid storage id; '${great}': Valid encoded KSUIDs are bounded by ${ID} and aWgEPTl1tmebfsQzFP4bxwgy80V`,
  );
});

test('a waiting item cannot be completed or retried', () => {
  expect(itemNotLeased(ID, 'completed').message).toBe(
    `item(s) cannot be completed; '${ID}' is not marked as leased`,
  );
  expect(itemNotLeased(ID, 'retried').message).toBe(
    `item(s) cannot be retried; '${ID}' is not marked as leased`,
  );
  expect(itemNotLeased(ID, 'retried')).toMatchObject({ code: 'invalid', retryable: false });
});

test('the format is the only check of a pivot', () => {
  expect(() => checkItemId(ID)).not.toThrow();
  expect(() => checkItemId('')).toThrow("invalid storage id; '': Valid encoded KSUIDs are 27 characters");
});
