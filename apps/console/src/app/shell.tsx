import { useEffect, useRef, useState } from 'preact/hooks';
import { address } from '../address/address.ts';
import { unreachableSince } from '../api/call.ts';
import { readSession, session } from '../api/session.ts';
import { Dialog } from '../parts/dialog.tsx';
import { ErrorBoundary } from '../parts/error-boundary.tsx';
import { Messages } from '../parts/messages.tsx';
import { now } from '../parts/now.ts';
import { ScreenHead } from '../parts/screen-head.tsx';
import { matchPath, type PathValues, type Screen } from '../screens/screen.ts';
import { SCREENS } from '../screens/screens.ts';
import { formatSpan } from '../text/span.ts';
import { LoginForm } from './login.tsx';
import { Navigation } from './navigation.tsx';
import { TopBar } from './top-bar.tsx';

/** The whole page. */
export function Shell() {
  const [menuOpen, setMenuOpen] = useState(false);
  const { state, write } = session.value;
  const hasScreens = state === 'open' || state === 'ended';
  return (
    <div class={`shell ${write ? 'write' : ''} ${menuOpen ? 'menu-open' : ''}`}>
      <TopBar menuOpen={menuOpen} onMenu={() => setMenuOpen(!menuOpen)} />
      <ServerGone />
      {hasScreens && <Navigation onChoose={() => setMenuOpen(false)} />}
      <main id="main" tabIndex={-1}>
        {state === 'unknown' && <Start />}
        {state === 'none' && <Login />}
        {hasScreens && <Present />}
      </main>
      {state === 'ended' && <SessionEnded />}
      <Messages />
    </div>
  );
}

const RETRY_MS = 2_000;

/** Asks whether there is a session, until the server answers. */
function Start() {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = () => {
      readSession().catch(() => {
        timer = setTimeout(ask, RETRY_MS);
      });
    };
    ask();
    return () => clearTimeout(timer);
  }, []);
  return <p class="waiting">Asking the server…</p>;
}

function Login() {
  useEffect(() => {
    document.title = 'Sign in · Querator';
  }, []);
  return (
    <div class="login-page">
      <ScreenHead title="Sign in" />
      <LoginForm />
    </div>
  );
}

function SessionEnded() {
  return (
    <Dialog title="The session has ended" onClose={() => undefined}>
      <LoginForm why="It has expired, or its API key no longer works. Sign in to go on where you were." />
    </Dialog>
  );
}

function ServerGone() {
  const since = unreachableSince.value;
  if (since === undefined) return null;
  return (
    <div class="banner" role="alert">
      <strong>The server does not answer.</strong> What you see may be old. The page tries again by itself
      <span aria-hidden="true">
        , for {formatSpan(Math.max(1000, Math.floor((now.value - since) / 1000) * 1000))} now
      </span>
      .
    </div>
  );
}

function Present() {
  const { path } = address.value;
  const found = findScreen(path);
  const name = path.join('/');
  const title = found === undefined ? 'Not found' : found.screen.title(found.values);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${title} · Querator`;
    // Who follows a link by keyboard or hears the page goes on at the new heading.
    if (!isFirst.current) document.querySelector<HTMLElement>('main h1')?.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [name]);
  if (found === undefined) return <NotFound />;
  const { component: Component } = found.screen;
  return (
    <ErrorBoundary of={name}>
      <Component key={name} values={found.values} />
    </ErrorBoundary>
  );
}

function findScreen(path: readonly string[]): { screen: Screen; values: PathValues } | undefined {
  const [start] = SCREENS;
  if (path.length === 0 && start !== undefined) return { screen: start, values: {} };
  for (const screen of SCREENS) {
    const values = matchPath(screen, path);
    if (values !== undefined) return { screen, values };
  }
  return undefined;
}

function NotFound() {
  return (
    <>
      <ScreenHead title="Not found" />
      <p>
        The console has no such screen. <a href="#/">Go to the start</a>
      </p>
    </>
  );
}
