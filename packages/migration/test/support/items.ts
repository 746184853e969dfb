import { codecsV2, type ItemsItem } from '@querator/protocol';
import fc from 'fast-check';

const id = fc.nat({ max: 0xffff }).map((n) => `0${n.toString(16).padStart(16, '0')}ABCDEFGHIJ`);
const text = fc.constantFrom('', 'a', 'é😀', '{"querator":', '\n', '%');
const time = fc.nat({ max: 3_000_000_000 }).map((seconds) => new Date(seconds * 1_000).toISOString());

/** An item as an export shows it. */
export const anyItem: fc.Arbitrary<ItemsItem> = fc
  .record({
    ...{ id, first_id: id, partition: fc.nat({ max: 3 }), attempts: fc.nat({ max: 9 }) },
    ...{ reference: text, kind: text, encoding: text, error: text },
    metadata: fc.dictionary(fc.constantFrom('a', 'b'), text),
    payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    ...{ created_at: time, expire_deadline: time },
  })
  .map((item) => codecsV2.ItemsItem.fromJson(Buffer.from(JSON.stringify(item))));

/** Items as text, to compare them. */
export function shown(items: readonly ItemsItem[]): readonly string[] {
  return items.map((item) => new TextDecoder().decode(codecsV2.ItemsItem.toJson(item)));
}
