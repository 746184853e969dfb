import { type Clock, silentLogger } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { Instances } from '@querator/engine';

/** The only process on its storage. */
export function loneInstances(clock: Clock): Instances {
  const own = { name: 'lone', version: '', storages: [], capabilities: [] };
  const deps = { clock, own, random: new SeededRandom(), logger: silentLogger };
  return new Instances({ ...deps, store: undefined, signals: undefined });
}
