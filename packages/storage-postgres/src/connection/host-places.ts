import dns from 'node:dns';
import { isIP } from 'node:net';
import { type Host, hostName, isSocketFolder } from '../settings/host-list.ts';

/** Where a server may be: a host of the string, with one of its addresses if the name has several. */
export interface Place {
  readonly host: Host;
  /** Undefined: the operating system chooses. */
  readonly address?: string;
}

/**
 * The places of a host. A name may stand for all members of a replicated database; as
 * in libpq, each is tried. Names are resolved each time, since they may change after
 * a failover.
 *
 * @throws Error when there is no such name.
 */
export async function placesOf(host: Host): Promise<readonly Place[]> {
  const { host: name } = host;
  if (name === undefined || isSocketFolder(host) || isIP(name) !== 0) return [{ host }];
  const addresses = await lookUp(name);
  return addresses.length > 1 ? addresses.map((address) => ({ host, address })) : [{ host }];
}

function lookUp(name: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    dns.lookup(name, { all: true }, (error, found) => {
      if (error === null) resolve(found.map(({ address }) => address));
      else reject(error);
    });
  });
}

/** The place's name for errors and the log. */
export function placeName({ host, address }: Place): string {
  return address === undefined ? hostName(host) : `${hostName(host)} (${address})`;
}

/** Moves the place that served last to the front, if it is in the list. */
export function servedFirst(places: readonly Place[], served: Place | undefined): readonly Place[] {
  const isServed = (place: Place) => place.host === served?.host && place.address === served.address;
  return [...places.filter(isServed), ...places.filter((place) => !isServed(place))];
}
