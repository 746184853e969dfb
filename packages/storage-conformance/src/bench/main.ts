#!/usr/bin/env node
import { resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { driverFault } from '@querator/core';
import { type BenchRow, benchDriver } from './bench-driver.ts';

/**
 * Measures a driver: `querator-storage-bench MODULE [--options JSON] [--seconds N] [--batches 1,100]
 * [--concurrency 1,16]`. The module is a file or a package that exports the `driver`.
 */
const USAGE =
  'usage: querator-storage-bench MODULE [--options JSON] [--seconds N] [--batches LIST] [--concurrency LIST]';

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      options: { type: 'string', default: '{}' },
      seconds: { type: 'string', default: '2' },
      batches: { type: 'string' },
      concurrency: { type: 'string' },
    },
  });
  const [module] = positionals;
  if (module === undefined || positionals.length > 1) throw new Error(USAGE);
  const isPath = /^[./]/.test(module);
  const { driver } = await import(isPath ? pathToFileURL(resolve(module)).href : module);
  const fault = driverFault(driver);
  if (fault !== undefined) throw new Error(`'${module}' ${fault}`);
  const rows = benchDriver(driver, JSON.parse(values.options), {
    ...{ batches: numbersIn(values.batches), concurrency: numbersIn(values.concurrency) },
    measureMs: Number(values.seconds) * 1_000,
  });
  process.stdout.write('call      batch  calls at once    items/s   median ms     p99 ms\n');
  for await (const row of rows) process.stdout.write(`${line(row)}\n`);
}

function line({ call, batch, concurrency, itemsPerSecond, medianMs, p99Ms }: BenchRow): string {
  return [
    ...[call.padEnd(9), String(batch).padStart(5), String(concurrency).padStart(14)],
    ...[String(itemsPerSecond).padStart(10), medianMs.toFixed(2).padStart(11), p99Ms.toFixed(2).padStart(10)],
  ].join(' ');
}

/** A list such as `1,100`. Undefined: the default. */
function numbersIn(text: string | undefined): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const numbers = text.split(',').map(Number);
  if (numbers.every((number) => Number.isInteger(number) && number > 0)) return numbers;
  throw new Error(`'${text}' is no list of whole numbers above 0, such as 1,100`);
}

main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
