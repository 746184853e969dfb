/**
 * Measures the unmodified codecs of several generators
 * (docs/adr/0002-protobuf-generator.md): `pnpm --filter @querator/protocol
 * bench:generators`. The other generators write below node_modules.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Writer } from 'protobufjs/minimal.js';
import pbjsCli from 'protobufjs-cli/pbjs.js';
import * as tsProto from '../src/gen/querator/queue.ts';
import { codecs } from '../src/index.ts';
import { measure } from './measure.ts';
import { leaseResponse, produceRequest } from './samples.ts';

const root = join(import.meta.dirname, '..');
const out = join(root, 'node_modules', '.bench');

const template = JSON.stringify({
  version: 'v2',
  plugins: [
    {
      local: ['node', fileURLToPath(import.meta.resolve('@bufbuild/protoc-gen-es/bin/protoc-gen-es'))],
      out: join(out, 'es'),
      opt: ['target=js'],
    },
  ],
});
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'package.json'), '{"type":"module"}');
const run = (...args: string[]): unknown => execFileSync('pnpm', args, { cwd: root, stdio: 'inherit' });
run('dlx', '@bufbuild/buf@1.75.0', 'generate', '--template', template);
const pbjsOptions = ['-t', 'static-module', '-w', 'esm', '--keep-case', '--force-number', '-p', 'proto'];
await promisify(pbjsCli.main)([...pbjsOptions, '-o', join(out, 'pbjs.js'), 'proto/querator/queue.proto']);

// The other generators' modules have no types here, so this declares their shape.
interface PbjsMessage {
  encode(message: unknown): Writer;
  decode(bytes: Uint8Array): unknown;
}
const es = await import(join(out, 'es', 'querator', 'queue_pb.js'));
const pbjs: { querator: Record<string, PbjsMessage> } = await import(join(out, 'pbjs.js'));
const pbjsProduce = pbjs.querator['QueueProduceRequest'] as PbjsMessage;
const pbjsLease = pbjs.querator['QueueLeaseResponse'] as PbjsMessage;

const bytes = tsProto.QueueProduceRequest.encode(produceRequest).finish();
const withBigint = {
  ...leaseResponse,
  items: leaseResponse.items.map((item) => ({
    ...item,
    leaseDeadline: {
      seconds: BigInt(item.leaseDeadline?.seconds ?? 0),
      nanos: item.leaseDeadline?.nanos ?? 0,
    },
  })),
};
const esProduce = create(es.QueueProduceRequestSchema, { ...produceRequest });
const esLease = create(es.QueueLeaseResponseSchema, withBigint);

measure('produce/1000 decode: own reader', () => codecs.QueueProduceRequest.decode(bytes));
measure('produce/1000 decode: protobuf-es', () => fromBinary(es.QueueProduceRequestSchema, bytes));
measure('produce/1000 decode: protobufjs static', () => pbjsProduce.decode(bytes));
measure('produce/1000 encode: ts-proto', () =>
  tsProto.QueueProduceRequest.encode(produceRequest, new BinaryWriter()).finish(),
);
measure('produce/1000 encode: protobuf-es', () => toBinary(es.QueueProduceRequestSchema, esProduce));
measure('produce/1000 encode: protobufjs static', () => pbjsProduce.encode(produceRequest).finish());
measure('lease/1000 encode: ts-proto', () =>
  tsProto.QueueLeaseResponse.encode(leaseResponse, new BinaryWriter()).finish(),
);
measure('lease/1000 encode: protobuf-es', () => toBinary(es.QueueLeaseResponseSchema, esLease));
measure('lease/1000 encode: protobufjs static', () => pbjsLease.encode(leaseResponse).finish());
