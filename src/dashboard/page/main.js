/** Shows the page that the address names. */
import { showDestinations } from './destinations.js';
import { showRun } from './run.js';
import { showRuns } from './runs.js';
import { showSchedules } from './schedules.js';
import { showUpload } from './upload.js';

const view = /** @type {HTMLElement} */ (document.getElementById('view'));
const [, first = '', second = ''] = location.pathname.split('/');

for (const link of document.querySelectorAll('nav a')) {
  const here = link.getAttribute('href') === `/${first === 'runs' ? '' : first}`;
  if (here) link.setAttribute('aria-current', first === 'runs' ? 'true' : 'page');
}

if (first === 'runs') showRun(view, decodeURIComponent(second));
else if (first === 'destinations') showDestinations(view);
else if (first === 'schedules') showSchedules(view);
else if (first === 'upload') showUpload(view);
else showRuns(view);
