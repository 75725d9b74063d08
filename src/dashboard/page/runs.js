/** The list of runs: live, newest first, filtered, a page at a time. */
import { outcomeBar, settled, stateBadge } from './course.js';
import { fill, h, keyed } from './dom.js';
import { counted, group, moment } from './format.js';
import { watch } from './live.js';

const STATES = ['queued', 'running', 'finished', 'cancelled', 'halted', 'failed', 'interrupted'];
const PAGE = 50;

/** @param {HTMLElement} view */
export function showRuns(view) {
  document.title = 'Runs · rowferry';
  const asked = new URLSearchParams(location.search);
  const state = select('state', 'State', STATES);
  const sync = select('sync', 'Sync', []);
  const destination = select('destination', 'Destination', []);
  const count = h('p', { class: 'muted', role: 'status' });
  const body = h('tbody');
  const table = h(
    'table',
    { class: 'cards' },
    h('caption', { class: 'unseen' }, 'Runs, newest first'),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ...['Run', 'State', 'Rows', 'Created', 'Updated', 'Skipped', 'Failed'].map((name, i) =>
          h('th', { scope: 'col', class: i > 2 ? 'number' : undefined }, name),
        ),
      ),
    ),
    body,
  );
  const nothing = h('p', { class: 'empty', hidden: true });
  const newer = h('button', { onclick: () => turn(-PAGE) }, 'Newer');
  const older = h('button', { onclick: () => turn(PAGE) }, 'Older');
  const paging = h('nav', { class: 'paging', 'aria-label': 'Pages of runs' }, newer, older);
  view.append(
    h(
      'div',
      { class: 'heading' },
      h('h1', {}, 'Runs'),
      h('a', { class: 'button primary', href: '/upload' }, 'Upload a file'),
    ),
    h(
      'form',
      { class: 'filters', 'aria-label': 'Filter runs' },
      state.label,
      sync.label,
      destination.label,
      count,
    ),
    h('div', { class: 'card wide' }, table, nothing),
    paging,
  );

  let end = watchPage();

  function watchPage() {
    const query = new URLSearchParams([...asked, ['limit', String(PAGE)]]);
    return watch(`/runs?${query}`, { runs: show });
  }

  function again() {
    history.replaceState(null, '', asked.size > 0 ? `/?${asked}` : '/');
    end();
    end = watchPage();
  }

  /** @param {number} by */
  function turn(by) {
    const offset = Math.max(0, Number(asked.get('offset') ?? 0) + by);
    if (offset > 0) asked.set('offset', String(offset));
    else asked.delete('offset');
    again();
  }

  /** @param {{ runs: any[], total: number, all: number, syncs: string[], destinations: string[] }} page */
  function show({ runs, total, all, syncs, destinations }) {
    sync.offer(syncs);
    destination.offer(destinations);
    const offset = Number(asked.get('offset') ?? 0);
    fill(count, total === all ? counted(all, 'run') : `${group(total)} of ${counted(all, 'run')}`);
    table.hidden = runs.length === 0;
    nothing.hidden = runs.length > 0;
    fill(
      nothing,
      all === 0 ? 'No runs yet. Upload a file, or drop one into the inbox.' : 'No run is like that.',
    );
    paging.hidden = total <= PAGE;
    newer.disabled = offset === 0;
    older.disabled = offset + PAGE >= total;
    keyed(body, runs, (run) => run.run, runRow);
  }

  /** @param {string} name @param {string} title @param {string[]} options */
  function select(name, title, options) {
    const element = h('select', {
      name,
      onchange: () => {
        if (element.value) asked.set(name, element.value);
        else asked.delete(name);
        asked.delete('offset');
        again();
      },
    });
    const label = h('label', {}, h('span', {}, title), element);
    const offer = (/** @type {string[]} */ names) => {
      const chosen = asked.get(name) ?? '';
      const all = ['', ...new Set([...names, ...(chosen ? [chosen] : [])])];
      const now = [...element.options].map((/** @type {HTMLOptionElement} */ option) => option.value);
      if (now.length !== all.length || now.some((one, i) => one !== all[i])) {
        element.replaceChildren(
          ...all.map((one) => h('option', { value: one, selected: one === chosen }, one || 'all')),
        );
      }
      label.hidden = name === 'sync' && all.length === 1;
    };
    offer(options);
    return { label, offer };
  }
}

/** @param {any} first */
function runRow(first) {
  const link = h('a', { href: `/runs/${first.run}` }, first.source);
  const about = h('small', { class: 'muted' });
  const state = h('td', { 'data-label': 'State' });
  const rows = h('div', { class: 'of' });
  const bar = outcomeBar();
  const numbers = ['created', 'updated', 'skipped', 'failed'].map((name) =>
    h('td', { class: 'number', 'data-label': name }),
  );
  const element = h(
    'tr',
    {},
    h('th', { scope: 'row', class: 'what' }, link, about),
    state,
    h('td', { class: 'course', 'data-label': 'Rows' }, rows, bar.element),
    ...numbers,
  );
  return {
    element,
    /** @param {any} view */
    update(view) {
      const { progress } = view;
      fill(about, `→ ${view.destination}${view.sync ? ` · ${view.sync}` : ''} · ${moment(view.createdAt)}`);
      fill(state, stateBadge(view.state));
      const about_ = progress.readAll ? '' : '~';
      const done = settled(progress);
      fill(
        rows,
        done === progress.total ? group(done) : `${group(done)} of ${about_}${group(progress.total)}`,
      );
      bar.update(progress);
      for (const [i, name] of ['created', 'updated', 'skipped', 'failed'].entries()) {
        fill(numbers[i], group(progress[name]));
        numbers[i].classList.toggle('none', progress[name] === 0);
      }
    },
  };
}
