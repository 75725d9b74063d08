/** Syncs: what was last, what is next, and now. */
import { stateBadge } from './course.js';
import { fill, h, keyed } from './dom.js';
import { counted, moment } from './format.js';
import { post, tell, watch, whenPressed } from './live.js';

/** @param {HTMLElement} view */
export function showSchedules(view) {
  document.title = 'Schedules · rowferry';
  const body = h('tbody');
  const head = ['Sync', 'Schedule', 'Last', 'Next', ''].map((name) =>
    h(name ? 'th' : 'td', { scope: name ? 'col' : undefined }, name),
  );
  const table = h(
    'table',
    { class: 'cards' },
    h('caption', { class: 'unseen' }, 'Schedules'),
    h('thead', {}, h('tr', {}, ...head)),
    body,
  );
  const nothing = h(
    'p',
    { class: 'empty', hidden: true },
    'No sync has a source. Describe one in rowferry.yaml: ',
    h('code', {}, "syncs: { nightly: { source: people.csv, to: crm, schedule: { cron: '0 3 * * *' } } }"),
  );
  view.append(
    h('div', { class: 'heading' }, h('h1', {}, 'Schedules')),
    h('div', { class: 'card wide' }, table, nothing),
  );
  watch('/schedules', {
    schedules: (/** @type {any[]} */ all) => {
      table.hidden = all.length === 0;
      nothing.hidden = all.length > 0;
      keyed(body, all, ({ sync }) => sync, scheduleRow);
    },
  });
}

/** @param {any} first */
function scheduleRow({ sync }) {
  const when = h('td', { 'data-label': 'Schedule' });
  const last = h('td', { 'data-label': 'Last' });
  const next = h('td', { 'data-label': 'Next' });
  const now = h('button', { type: 'button', 'aria-label': `Run now: ${sync}` }, 'Run now');
  whenPressed(now, async () => {
    const { runs, faults } = await post(`/api/schedules/${encodeURIComponent(sync)}/run`);
    if (runs.length === 1 && faults.length === 0) location.assign(`/runs/${runs[0]}`);
    else tell([`${counted(runs.length, 'run')} added.`, ...faults].join(' '));
  });
  return {
    element: h('tr', {}, h('th', { scope: 'row' }, sync), when, last, next, h('td', { class: 'act' }, now)),
    /** @param {any} view */
    update({ cron, timezone, last: before, next: then, skipped }) {
      if (cron === undefined) fill(when, 'by hand');
      else fill(when, h('div', {}, h('code', {}, cron), h('small', { class: 'muted' }, timezone)));
      const was = before ? moment(before.at) : 'never';
      fill(
        last,
        h(
          'div',
          {},
          before?.run ? h('a', { href: `/runs/${before.run}` }, was) : was,
          ' ',
          before?.state ? stateBadge(before.state) : undefined,
          skipped && h('small', { class: 'muted' }, `Left out ${moment(skipped.at)}: ${skipped.why}`),
        ),
      );
      fill(next, then ? moment(then) : '–');
    },
  };
}
