import { signal } from '@preact/signals';
import { type Address, formatAddress, parseAddress } from './address-text.ts';

/** The address that the page shows. It holds all of the page's state, so that a link shows the same to others. */
export const address = signal<Address>(parseAddress(location.hash));

addEventListener('hashchange', () => {
  address.value = parseAddress(location.hash);
});

/** Changes of the parameters: undefined removes one. */
export type ParamChanges = Readonly<Record<string, string | undefined>>;

/** The address of the present screen with other parameters. */
export function withParams(changes: ParamChanges): string {
  const { path, params } = address.value;
  return formatAddress(path, { ...params, ...changes });
}

/** Goes to an address of the page. @param options `replace`: the browser's "back" skips the present one. */
export function goTo(target: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (target === location.hash) return;
  if (replace) history.replaceState(null, '', target);
  else history.pushState(null, '', target);
  address.value = parseAddress(target);
}

/** Changes parameters of the address. What is typed letter by letter replaces the address before it. */
export function setParams(changes: ParamChanges, options?: { readonly replace?: boolean }): void {
  goTo(withParams(changes), options);
}
