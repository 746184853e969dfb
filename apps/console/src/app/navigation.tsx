import { address } from '../address/address.ts';
import { formatAddress } from '../address/address-text.ts';
import type { NavigationGroup } from '../screens/screen.ts';
import { SCREENS } from '../screens/screens.ts';

const GROUPS: readonly NavigationGroup[] = ['Work', 'System', 'People'];

/** Links to the screens. @param props `onChoose`: a link was followed. */
export function Navigation({ onChoose }: { readonly onChoose: () => void }) {
  const [present] = address.value.path;
  return (
    <nav id="navigation" class="navigation" aria-label="Screens">
      {GROUPS.map((group) => {
        const entries = SCREENS.filter(({ navigation }) => navigation?.group === group);
        if (entries.length === 0) return null;
        return (
          <div key={group}>
            <p class="group">{group}</p>
            <ul>
              {entries.map(({ path, navigation }) => (
                <li key={path.join('/')}>
                  <a
                    href={formatAddress(path)}
                    aria-current={path[0] === present ? 'page' : undefined}
                    onClick={onChoose}
                  >
                    {navigation?.label}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}
