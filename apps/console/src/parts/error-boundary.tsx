import { Component, type ComponentChildren } from 'preact';

interface Props {
  /** Another value shows the children again: the screen's address. */
  readonly of: string;
  readonly children: ComponentChildren;
}

interface State {
  readonly of?: string;
  readonly error?: unknown;
}

/** Keeps a fault of one screen from taking the whole page down. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = {};

  override componentDidCatch(error: unknown): void {
    this.setState({ of: this.props.of, error });
  }

  override render() {
    const { of, error } = this.state;
    if (of !== this.props.of) return this.props.children;
    return (
      <div class="note failed" role="alert">
        <p>
          <strong>This screen has a fault.</strong> The rest of the console works. Please report:
        </p>
        <pre>{error instanceof Error ? (error.stack ?? error.message) : String(error)}</pre>
        <button type="button" onClick={() => this.setState({ of: '', error: undefined })}>
          Show it again
        </button>
      </div>
    );
  }
}
