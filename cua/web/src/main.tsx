import { render } from 'preact';
import { App } from './app';
import './style/tokens.css';
import './style/base.css';
import './style/parts.css';
import './style/shell.css';
import './style/runs.css';
import './style/run.css';
import './style/views.css';

const root = document.getElementById('app');
if (root) render(<App />, root);
