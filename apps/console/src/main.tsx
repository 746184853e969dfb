import '../style/theme.css';
import '../style/base.css';
import '../style/shell.css';
import '../style/parts.css';
import '../style/payload.css';
import '../style/screens.css';
import '../style/items.css';
import { render } from 'preact';
import { Shell } from './app/shell.tsx';

const root = document.getElementById('console');
if (root !== null) render(<Shell />, root);
