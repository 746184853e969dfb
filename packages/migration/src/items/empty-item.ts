import { codecsV2, type ItemsItem } from '@querator/protocol';

/** An item without any field. */
export const EMPTY_ITEM: ItemsItem = codecsV2.ItemsItem.fromJson(new TextEncoder().encode('{}'));
