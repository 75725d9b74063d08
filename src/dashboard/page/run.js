/** One run: how far, how fast, why it waits or stands still, and what became of its rows. */
import { speedChart } from './chart.js';
import { outcomeBar, settled, stateBadge } from './course.js';
import { fill, h, keyed } from './dom.js';
import { counted, duration, group, moment, speed, waitingText } from './format.js';
import { confirmed, post, tell, watch, whenPressed } from './live.js';
import { rowsPanel } from './rows.js';

/** @typedef {{ status: string, meaning: string, mend: string }} Advice */

const FILES = {
  'summary.json': 'the numbers',
  'outcomes.csv': 'what became of each row',
  'failed.csv': 'failed rows, as they were, to be mended and run again',
  'skipped.csv': 'skipped rows, as they were',
};
const SPEED_OVER_MS = 10_000;

/** @param {HTMLElement} view @param {string} run */
export function showRun(view, run) {
  document.title = `Run ${run} · rowferry`;
  const base = `/api/runs/${encodeURIComponent(run)}`;
  const title = h('h1', {}, `Run ${run}`);
  const state = h('span', { role: 'status' });
  const about = h('p', { class: 'muted' });
  const notice = noticeOf(base);
  const cancel = button('Cancel', 'danger', async () => {
    const question =
      'Cancel this run for good? What is in flight is ended; rows that were not sent stay unprocessed.';
    if (!(await confirmed(question, 'Cancel the run'))) return;
    await post(`${base}/cancel`);
    tell('No further row is begun; what is in flight is ended.');
  });
  const retry = button('Retry failed rows', 'primary', async () => {
    const { run: next } = await post(`${base}/retry`);
    location.assign(`/runs/${next}`);
  });
  const bar = outcomeBar();
  const tiles = tilesOf(['created', 'updated', 'skipped', 'failed', 'left']);
  const facts = tilesOf([
    'rows/s',
    'requests/s',
    'of the budget',
    'time left',
    'requests',
    'retries',
    'throttled',
  ]);
  const chart = speedChart();
  const rows = rowsPanel(base);
  const reasons = reasonsTable(rows.show);
  const files = h('ul', { class: 'files' });
  const downloads = h(
    'section',
    { class: 'card', 'aria-labelledby': 'h-files', hidden: true },
    h('h2', { id: 'h-files' }, 'Report'),
    files,
  );
  view.append(
    h('p', { class: 'crumb' }, h('a', { href: '/' }, '← Runs')),
    h(
      'div',
      { class: 'heading' },
      h('div', {}, h('div', { class: 'titled' }, title, state), about),
      h('div', { class: 'actions' }, retry, cancel),
    ),
    notice.element,
    h('section', { class: 'card', 'aria-label': 'Outcomes' }, bar.element, tiles.element),
    h(
      'section',
      { class: 'card', 'aria-labelledby': 'h-speed' },
      h('h2', { id: 'h-speed' }, 'Speed'),
      facts.element,
      chart.element,
    ),
    reasons.element,
    rows.element,
    downloads,
  );

  /** @type {{ ms: number, rows: number, requests: number }[]} */
  let seen = [];
  /** @type {any[]} */
  let moments = [];
  /** @type {number | null | undefined} */
  let budget;
  let before = '';
  let over = false;
  /** @type {Record<string, Advice>} */
  let meanings = {};
  watch(`/runs/${encodeURIComponent(run)}`, {
    meanings: (/** @type {Record<string, Advice>} */ all) => {
      meanings = all;
      rows.offer(Object.keys(all));
    },
    run: show,
    timeline: (/** @type {any[]} */ next) => {
      moments = next;
      chart.update(moments, budget, over);
    },
  });

  /** @param {{ view: any, reasons: Record<string, number>, destination?: any }} told */
  function show({ view: seenNow, reasons: counts, destination }) {
    const { progress, summary } = seenNow;
    over = ['finished', 'cancelled'].includes(seenNow.state);
    const going = seenNow.state === 'running';
    document.title = `${seenNow.source}: ${seenNow.state} · rowferry`;
    fill(title, `${seenNow.source} → ${seenNow.destination}`);
    if (before !== seenNow.state) fill(state, stateBadge(seenNow.state));
    before = seenNow.state;
    fill(about, ...aboutRun(seenNow));
    notice.update(seenNow, destination);
    cancel.hidden = over;
    retry.hidden = !over || progress.failed === 0;

    bar.update(progress);
    const left = Math.max(0, progress.total - settled(progress));
    tiles.set(['created', 'updated', 'skipped', 'failed'].map((name) => group(progress[name])));
    tiles.set([`${progress.readAll ? '' : '~'}${group(summary?.unprocessed ?? left)}`], 4);
    tiles.name(4, seenNow.state === 'running' || seenNow.state === 'queued' ? 'left' : 'unprocessed');

    const now = speedNow(progress, going);
    budget = going ? destination?.perSecond : undefined;
    const lasted = (summary?.duration_ms ?? 0) / 1000;
    facts.set([
      going ? speed(now.rows) : lasted > 0 ? speed(settled(progress) / lasted) : '–',
      going ? speed(now.requests) : lasted > 0 ? speed(summary.requests / lasted) : '–',
      going && budget ? `${Math.round((100 * now.requests) / budget)} %` : '–',
      going && now.rows > 0 && left > 0 ? `${progress.readAll ? '' : '~'}${duration(left / now.rows)}` : '–',
      group(progress.requests),
      group(progress.retries),
      group(progress.throttled),
    ]);
    facts.hide(2, !going);
    facts.name(3, summary && !going ? 'took' : 'time left');
    if (summary && !going) facts.set([duration(lasted)], 3);
    if (moments.length > 0) chart.update(moments, budget, over);
    reasons.update(counts, progress, meanings);
    rows.settle(seenNow.state, Boolean(summary) && !going);
    downloads.hidden = !summary;
    if (summary) fillFiles(files, base, summary);
  }

  /** @param {any} progress @param {boolean} going */
  function speedNow(progress, going) {
    const ms = performance.now();
    if (!going) seen = [];
    seen.push({ ms, rows: settled(progress), requests: progress.requests });
    while (seen.length > 2 && ms - seen[0].ms > SPEED_OVER_MS) seen.shift();
    const first = seen[0];
    const seconds = (ms - first.ms) / 1000;
    if (seconds < 0.5) return { rows: 0, requests: 0 };
    return {
      rows: (settled(progress) - first.rows) / seconds,
      requests: (progress.requests - first.requests) / seconds,
    };
  }
}

/** @param {any} view */
function aboutRun({ run, createdAt, startedAt, finishedAt, sync, retryOf, late }) {
  return [
    h('code', {}, run),
    ` · added ${moment(createdAt)}`,
    startedAt ? ` · started ${moment(startedAt)}` : undefined,
    finishedAt ? ` · ended ${moment(finishedAt)}` : undefined,
    sync ? ` · sync ${sync}` : undefined,
    ...(retryOf ? [' · retries ', h('a', { href: `/runs/${retryOf}` }, retryOf)] : []),
    late ? ` · ${counted(late, 'outcome')} arrived after its end` : undefined,
  ];
}

/** Why the run does not go on, and the button that mends it. @param {string} base */
function noticeOf(base) {
  const text = h('p');
  const resume = button('Resume the run', 'primary', async () => {
    await post(`${base}/resume`);
    tell('The service goes on with the run.');
  });
  let destination = '';
  const unpause = button('Resume the destination', 'primary', async () => {
    await post(`/api/destinations/${encodeURIComponent(destination)}/resume`);
    tell(`${destination} is sent to again.`);
  });
  const element = h('div', { class: 'notice', role: 'alert', hidden: true }, text, resume, unpause);
  return {
    element,
    /** @param {any} view @param {any} target */
    update(view, target) {
      destination = view.destination;
      const { state, message, progress } = view;
      const paused = target?.pausedSince !== undefined && !['finished', 'cancelled'].includes(state);
      const stopped = ['halted', 'failed', 'interrupted'].includes(state);
      const sentence = stopped
        ? (message ?? 'Its process is gone; nothing is lost, and the run can go on.')
        : progress.waiting
          ? waitingText(progress.waiting)
          : state === 'queued'
            ? 'It waits for its turn; a service of this data dir (rowferry start) works on it.'
            : paused
              ? `${destination} is paused by hand.`
              : message;
      element.hidden = !sentence;
      element.className = `notice ${stopped ? 'bad' : progress.waiting || paused ? 'warn' : ''}`;
      fill(text, sentence ?? '');
      resume.hidden = !stopped;
      unpause.hidden = !paused;
    },
  };
}

/** @param {string[]} names */
function tilesOf(names) {
  const values = names.map(() => h('dd'));
  const terms = names.map((name) => h('dt', {}, name));
  const element = h(
    'dl',
    { class: 'tiles' },
    ...names.map((name, i) => h('div', { class: name.replace(/\W/g, '') }, terms[i], values[i])),
  );
  return {
    element,
    /** @param {string[]} texts @param {number} [from] */
    set(texts, from = 0) {
      for (const [i, text] of texts.entries()) fill(values[from + i], text);
    },
    /** @param {number} i @param {boolean} hidden */
    hide(i, hidden) {
      const tile = /** @type {HTMLElement} */ (element.children[i]);
      tile.hidden = hidden;
    },
    /** @param {number} i @param {string} name */
    name(i, name) {
      fill(terms[i], name);
    },
  };
}

/** @param {(filter: { reason: string }) => void} showRows */
function reasonsTable(showRows) {
  const body = h('tbody');
  const note = h('p', { class: 'muted' });
  const head = ['Reason', 'Rows', 'What it means', ''].map((name, i) =>
    h(name ? 'th' : 'td', { scope: name ? 'col' : undefined, class: i === 1 ? 'number' : undefined }, name),
  );
  const table = h(
    'table',
    { class: 'cards reasons' },
    h('caption', { class: 'unseen' }, 'Rows by reason'),
    h('thead', {}, h('tr', {}, ...head)),
    body,
  );
  const element = h(
    'section',
    { class: 'card', 'aria-labelledby': 'h-reasons' },
    h('h2', { id: 'h-reasons' }, 'Reasons'),
    note,
    table,
  );
  return {
    element,
    /** @param {Record<string, number>} counts @param {any} progress @param {Record<string, Advice>} meanings */
    update(counts, progress, meanings) {
      const items = Object.entries(counts).sort(([, a], [, b]) => b - a);
      table.hidden = items.length === 0;
      note.hidden = items.length > 0;
      fill(
        note,
        settled(progress) === 0
          ? 'No row is settled yet.'
          : 'Every row so far was plainly created or updated.',
      );
      keyed(
        body,
        items,
        ([reason]) => reason,
        ([reason]) => {
          const { status = '', meaning = '', mend = '' } = meanings[reason] ?? {};
          const number = h('td', { class: 'number', 'data-label': 'Rows' });
          const show = button('Show rows', '', async () => showRows({ reason }));
          show.setAttribute('aria-label', `Show rows: ${reason}`);
          const row = h(
            'tr',
            {},
            h(
              'th',
              { scope: 'row' },
              h('span', { class: `dot ${status}` }),
              h('code', {}, reason),
              h('small', { class: 'muted' }, status),
            ),
            number,
            h('td', { class: 'meaning' }, meaning, ' ', mend),
            h('td', { class: 'act' }, show),
          );
          return { element: row, update: ([, count]) => fill(number, group(count)) };
        },
      );
    },
  };
}

/** @param {Element} list @param {string} base @param {any} summary */
function fillFiles(list, base, { finished_at: at, reports }) {
  if (list.getAttribute('data-of') === at) return;
  list.setAttribute('data-of', at);
  const page = reports.html
    ? [
        h(
          'li',
          {},
          h('a', { href: `${base}/report/report.html` }, 'report.html'),
          h('small', { class: 'muted' }, 'all of it on one page, to read, print or send'),
        ),
      ]
    : [];
  const files = Object.entries(FILES).map(([file, what]) =>
    h(
      'li',
      {},
      h('a', { href: `${base}/report/${file}`, download: '' }, file),
      h('small', { class: 'muted' }, what),
    ),
  );
  list.replaceChildren(...page, ...files);
}

/** @param {string} text @param {string} look @param {() => Promise<void>} action */
function button(text, look, action) {
  const element = h('button', { type: 'button', class: look }, text);
  whenPressed(element, action);
  return element;
}
