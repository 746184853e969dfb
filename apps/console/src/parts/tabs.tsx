import { address, withParams } from '../address/address.ts';

/** A tab: the word in the address, and that on the page. */
export interface Tab {
  readonly name: string;
  readonly label: string;
}

/** The tab that the address names, or the first. */
export function tabParam(tabs: readonly Tab[]): string {
  const { tab } = address.value.params;
  return tabs.some(({ name }) => name === tab) ? (tab as string) : (tabs[0]?.name ?? '');
}

/** Links between the parts of a screen, by the parameter `tab` of the address. */
export function Tabs({ tabs, label }: { readonly tabs: readonly Tab[]; readonly label: string }) {
  const present = tabParam(tabs);
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ name, label }, at) => (
        <a
          key={name}
          href={withParams({ tab: at === 0 ? undefined : name, cursor: undefined })}
          aria-current={name === present ? 'page' : undefined}
        >
          {label}
        </a>
      ))}
    </nav>
  );
}
