/** What a run would do with a file, as `rowferry check` shows it. */
import { h } from './dom.js';
import { counted, duration, group, rate } from './format.js';

const MOST_COLUMNS = 200;
const MOST_KINDS = 12;

/** @param {any} check @returns {Element[]} */
export function checkView(check) {
  return [outcomes(check), warnings(check), columns(check), invalid(check), written(check)].filter(
    (part) => part !== undefined,
  );
}

/** @param {any} check */
function outcomes({ rows, created, skipped, failed, destination, requests, rate: allowed, seconds, unset }) {
  const time = seconds === null ? 'as fast as they are answered' : `${timeText(seconds)} at ${rate(allowed)}`;
  const tile = (/** @type {string} */ name, /** @type {string} */ words, /** @type {number} */ count) =>
    h('div', { class: name }, h('dt', {}, words), h('dd', {}, group(count)));
  return h(
    'div',
    { class: 'part' },
    h(
      'dl',
      { class: 'tiles' },
      tile('rows', 'rows', rows),
      tile('created', 'would be created', created),
      tile('skipped', 'would be skipped', skipped),
      tile('failed', 'would fail', failed),
    ),
    h(
      'p',
      {},
      `About ${counted(requests, 'request')}, ${time}. `,
      h(
        'span',
        { class: 'muted' },
        `Nothing was sent: so it is if ${destination} is empty and takes what it is sent.`,
      ),
    ),
    unset ? h('p', { class: 'notice warn' }, `Set ${unset} in the environment or in .env first.`) : undefined,
  );
}

/** @param {any} check */
function warnings({ warnings: sentences, remarks }) {
  if (sentences.length + remarks.length === 0) return undefined;
  return h(
    'div',
    { class: 'part notice warn' },
    h('h3', {}, 'Look at'),
    h(
      'ul',
      {},
      ...sentences.map((/** @type {string} */ one) => h('li', {}, one)),
      ...remarks.map((/** @type {any} */ { column, says, examples }) =>
        h('li', {}, h('strong', {}, column), `: ${says} `, ...listed(examples)),
      ),
    ),
  );
}

/** @param {any} check */
function columns({ columns: all }) {
  const rows = all
    .slice(0, MOST_COLUMNS)
    .map((/** @type {any} */ { from, field, samples }) =>
      h(
        'tr',
        field === undefined ? { class: 'unsent' } : {},
        h('th', { scope: 'row' }, from === '' ? '(no name)' : from),
        h('td', { 'data-label': 'Field' }, field === undefined ? 'not sent' : h('code', {}, field)),
        h('td', { 'data-label': 'First values' }, h('div', {}, ...listed(samples))),
      ),
    );
  const more = all.length - rows.length;
  return h(
    'div',
    { class: 'part' },
    table('Columns', ['Column', 'Field', 'First values'], rows),
    more > 0 ? h('p', { class: 'muted' }, `and ${counted(more, 'other column')}`) : undefined,
  );
}

/** @param {any} check */
function invalid({ invalid: kinds, repeats, reasons }) {
  const rows = kinds
    .slice(0, MOST_KINDS)
    .map((/** @type {any} */ { field, code, message, rows: count, first }) =>
      h(
        'tr',
        {},
        h(
          'th',
          { scope: 'row' },
          [field, code].filter(Boolean).join(' '),
          message && h('small', { class: 'muted' }, message),
        ),
        h('td', { class: 'number', 'data-label': 'Rows' }, group(count)),
        h('td', { 'data-label': 'First' }, `${places(first)}${count > first.length ? ', …' : ''}`),
      ),
    );
  for (const [reason, count] of Object.entries(reasons)) {
    if (!reason.startsWith('duplicate_')) continue;
    const of = repeats.filter((/** @type {any} */ one) => one.reason === reason);
    const first = of.map((/** @type {any} */ one) => `${group(one.row)} as ${group(one.repeats)}`).join(', ');
    rows.push(
      h(
        'tr',
        {},
        h(
          'th',
          { scope: 'row' },
          reason,
          h('small', { class: 'muted' }, 'repeats an earlier row of this file; skipped'),
        ),
        h('td', { class: 'number', 'data-label': 'Rows' }, group(Number(count))),
        h(
          'td',
          { 'data-label': 'First' },
          `${first}${Number(count) > of.length && of.length > 0 ? ', …' : ''}`,
        ),
      ),
    );
  }
  if (rows.length === 0) return undefined;
  const more = kinds.length - MOST_KINDS;
  return h(
    'div',
    { class: 'part' },
    table('Rows that would not be created', ['Why', 'Rows', 'First rows'], rows),
    more > 0 ? h('p', { class: 'muted' }, `and ${counted(more, 'other reason')}`) : undefined,
  );
}

/** How it is written, and how that was found out. @param {any} check */
function written({ dialect }) {
  if (dialect.found.length === 0) return undefined;
  const facts = dialect.found.map((/** @type {any} */ { what, value, why, unsure }) =>
    h(
      'div',
      { class: unsure ? 'unsure' : undefined },
      h('dt', {}, what),
      h('dd', {}, value, ' ', h('small', { class: 'muted' }, why)),
    ),
  );
  return h('div', { class: 'part' }, h('h3', {}, 'How it is written'), h('dl', { class: 'facts' }, ...facts));
}

/** @param {string} caption @param {string[]} head @param {Element[]} rows */
function table(caption, head, rows) {
  return h(
    'table',
    { class: 'cards plan' },
    h('caption', {}, caption),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ...head.map((name) => h('th', { scope: 'col', class: name === 'Rows' ? 'number' : undefined }, name)),
      ),
    ),
    h('tbody', {}, ...rows),
  );
}

/** Cells apart from each other, each as it stands. @param {string[]} cells */
function listed(cells) {
  return cells.map((cell) => h('span', { class: 'cell' }, cell));
}

/** @param {{ row: number, line: number }[]} first */
function places(first) {
  return first.map(({ row, line }) => `${group(row)} (line ${group(line)})`).join(', ');
}

/** @param {number} seconds */
function timeText(seconds) {
  return seconds < 1 ? 'less than a second' : duration(seconds);
}
