/** Measures this package's codecs: `pnpm --filter @querator/protocol bench`. */
import { instantFromMicroseconds } from '@querator/core';
import { codecs, encodeBody, fromLeasedItems, toLeasedItem, toNewItem } from '../src/index.ts';
import { measure } from './measure.ts';
import { leaseResponse, produceRequest } from './samples.ts';

const produceBinary = codecs.QueueProduceRequest.encode(produceRequest);
const produceJson = codecs.QueueProduceRequest.toJson(produceRequest);
const leaseBinary = codecs.QueueLeaseResponse.encode(leaseResponse);
const leaseJson = codecs.QueueLeaseResponse.toJson(leaseResponse);
const deadline = instantFromMicroseconds(1_790_000_000_123_456n);
const leased = leaseResponse.items.map((item) => ({ ...toLeasedItem(item), leaseDeadline: deadline }));
const complete = codecs.QueueCompleteRequest.encode({
  queueName: 'orders',
  partition: 0,
  requestTimeout: '1m',
  ids: leaseResponse.items.map((item) => item.id),
});

process.stdout.write(`produce: ${produceBinary.length} bytes binary, ${produceJson.length} JSON\n`);
measure('produce/1000 binary: decode', () => codecs.QueueProduceRequest.decode(produceBinary));
measure('produce/1000 JSON: decode', () => codecs.QueueProduceRequest.fromJson(produceJson));
measure('produce/1000 JSON: JSON.parse, to compare', () => JSON.parse(Buffer.from(produceJson).toString()));
measure('produce/1000 to domain', () => produceRequest.items.map(toNewItem));
measure('complete/1000 binary: decode', () => codecs.QueueCompleteRequest.decode(complete));

process.stdout.write(`lease: ${leaseBinary.length} bytes binary, ${leaseJson.length} JSON\n`);
measure('lease/1000 from domain', () => fromLeasedItems(leased));
measure('lease/1000 binary: encode', () => codecs.QueueLeaseResponse.encode(leaseResponse));
measure('lease/1000 JSON: encode', () => encodeBody(codecs.QueueLeaseResponse, 'json', leaseResponse));
