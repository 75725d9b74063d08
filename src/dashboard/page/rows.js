/** The rows behind a number: a page at a time, looked up by row, e-mail or external id. */
import { fill, h } from './dom.js';
import { counted, group } from './format.js';
import { ask, tell } from './live.js';

const PAGE = 50;
/** Looked through in one go before a person is asked whether to go on. */
const PATIENCE_MS = 20_000;
const STATUSES = ['created', 'updated', 'skipped', 'failed', 'unprocessed'];
/** Of rows without an outcome yet. @type {Record<string, string>} */
const NOT_YET = { unsettled: 'not settled yet', attempted: 'sent, no answer yet' };

/** @param {string} base */
export function rowsPanel(base) {
  const status = choice('Status', ['', ...STATUSES], 'all');
  const reason = choice('Reason', [''], 'all');
  const find = h('input', {
    type: 'search',
    name: 'find',
    maxlength: 320,
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const said = h('p', { class: 'muted', role: 'status' });
  const body = h('tbody');
  const head = ['Row', 'Outcome', 'E-mail', 'External id', 'Why', 'Contact'].map((name) =>
    h('th', { scope: 'col' }, name),
  );
  const table = h(
    'table',
    { class: 'cards found', hidden: true },
    h('caption', { class: 'unseen' }, 'Rows of the run'),
    h('thead', {}, h('tr', {}, ...head)),
    body,
  );
  const more = h('button', { type: 'button', hidden: true, onclick: () => look(true) }, 'More rows');
  const form = h(
    'form',
    {
      class: 'filters',
      'aria-label': 'Find rows',
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        look(false);
      },
    },
    status.label,
    reason.label,
    h('label', { class: 'grow' }, h('span', {}, 'Row, e-mail, external or contact id'), find),
    h('button', { class: 'primary' }, 'Show'),
  );
  const element = h(
    'section',
    { class: 'card', 'aria-labelledby': 'h-rows' },
    h('h2', { id: 'h-rows', tabindex: -1 }, 'Rows'),
    form,
    said,
    table,
    more,
  );
  /** @type {string | undefined} */
  let next;
  let nth = 0;
  let told = '';

  return { element, show, settle, offer };

  /** @param {string[]} reasons */
  function offer(reasons) {
    reason.element.replaceChildren(
      ...['', ...reasons].map((one) => h('option', { value: one }, one || 'all')),
    );
  }

  /** @param {{ reason: string }} filter */
  function show(filter) {
    status.element.value = '';
    reason.element.value = filter.reason;
    find.value = '';
    look(false);
    const heading = /** @type {HTMLElement} */ (element.querySelector('h2'));
    heading.focus();
    heading.scrollIntoView({ block: 'start' });
  }

  /** @param {string} state @param {boolean} reported */
  function settle(state, reported) {
    const now = `${state} ${reported}`;
    if (now === told) return;
    told = now;
    // What was found while the run went on is not all.
    if (table.hidden === false && reported) look(false);
  }

  /** @param {boolean} further */
  async function look(further) {
    const mine = ++nth;
    if (!further) {
      next = undefined;
      body.replaceChildren();
    }
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (status.element.value) query.set('status', status.element.value);
    if (reason.element.value) query.set('reason', reason.element.value);
    if (find.value.trim()) query.set('find', find.value.trim());
    const until = performance.now() + PATIENCE_MS;
    let found = 0;
    let share = 0;
    let unsearched = '';
    try {
      for (;;) {
        if (next !== undefined) query.set('from', next);
        const page = await ask(`${base}/rows?${query}`);
        if (mine !== nth) return; // another filter was chosen meanwhile
        body.append(...page.rows.map(rowOf));
        found += page.rows.length;
        const stuck = page.next === next;
        next = page.next;
        more.hidden = next === undefined || (stuck && page.rows.length === 0);
        table.hidden = body.childElementCount === 0;
        share = page.bytes > 0 ? Math.floor((100 * page.looked) / page.bytes) : 100;
        if (page.unsearched)
          unsearched = ` E-mails and external ids were not looked through: ${page.unsearched}`;
        if (next === undefined || stuck || found >= PAGE || performance.now() > until) break;
        fill(said, `Looking: ${share} % of the rows …`);
      }
      const all = body.childElementCount;
      fill(said, toldOf(all, !more.hidden, found < PAGE ? share : undefined) + unsearched);
    } catch (error) {
      fill(said, '');
      tell(/** @type {Error} */ (error).message);
    }
  }
}

/** @param {number} all @param {boolean} more @param {number | undefined} share set when the search was ended early: how much was looked through, % */
function toldOf(all, more, share) {
  const end =
    share === undefined ? '; there may be more' : `; the search stopped after ${share} % of the rows`;
  if (all === 0)
    return more ? `No row so far is like that${end}: “More rows” goes on.` : 'No row is like that.';
  return `${counted(all, 'row')} shown${more ? end : ''}.`;
}

/** @param {any} row */
function rowOf(row) {
  const why = [row.field, row.message].filter(Boolean).join(': ');
  const repeats =
    row.duplicate_of === 'destination'
      ? 'already in the destination'
      : row.duplicate_of
        ? `repeats row ${row.duplicate_of}`
        : '';
  const sent = [row.http_status && `HTTP ${row.http_status}`, row.attempts > 1 && `${row.attempts} attempts`]
    .filter(Boolean)
    .join(', ');
  const small = (/** @type {string} */ text) => text && h('small', { class: 'muted' }, text);
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, group(row.row), row.line && small(`line ${group(row.line)}`)),
    cell(
      'Outcome',
      h('span', { class: `dot ${row.status}` }),
      NOT_YET[row.status] ?? row.status,
      small(row.reason),
    ),
    cell('E-mail', row.email),
    cell('External id', row.external_id),
    cell('Why', [why, repeats].filter(Boolean).join('; '), small(sent)),
    cell('Contact', row.contact_id && h('code', {}, row.contact_id)),
  );
}

/** @param {string} label @param {...(Node | string | undefined)} children */
function cell(label, ...children) {
  const some = children.filter(Boolean);
  return h(
    'td',
    { 'data-label': label, class: some.length === 0 ? 'blank' : undefined },
    h('div', {}, ...some),
  );
}

/** @param {string} title @param {string[]} values @param {string} none */
function choice(title, values, none) {
  const element = h('select', {}, ...values.map((value) => h('option', { value }, value || none)));
  return { element, label: h('label', {}, h('span', {}, title), element) };
}
