/** Destinations: what they allow, what is used of it, whether they answer; pause and resume. */
import { fill, h, keyed } from './dom.js';
import { group, moment, rate, speed, waitingText } from './format.js';
import { post, tell, watch, whenPressed } from './live.js';

const OVER_MS = 10_000;
const MOST_ERRORS = 6;

/** @param {HTMLElement} view */
export function showDestinations(view) {
  document.title = 'Destinations · rowferry';
  const list = h('div', { class: 'grid' });
  const nothing = h('p', { class: 'empty', hidden: true }, 'No destination has credentials.');
  view.append(h('div', { class: 'heading' }, h('h1', {}, 'Destinations')), list, nothing);
  watch('/destinations', {
    destinations: (/** @type {any[]} */ all) => {
      nothing.hidden = all.length > 0;
      keyed(list, all, ({ name }) => name, card);
    },
  });
}

/** @param {any} first */
function card({ name }) {
  const state = h('span');
  const why = h('p', { class: 'muted' });
  const budget = h('dd');
  const now = h('dd');
  const used = h('dd');
  const meter = h('meter', { min: 0, max: 100, 'aria-label': `Budget of ${name} used, in percent` });
  const runs = h('dd');
  const account = h('p', { class: 'muted' });
  const errors = h('ul', { class: 'errors' });
  const troubles = h('div', { class: 'part' }, h('h3', {}, 'Last errors'), errors);
  const toggle = h('button', { type: 'button' });
  let paused = false;
  whenPressed(toggle, async () => {
    await post(`/api/destinations/${encodeURIComponent(name)}/${paused ? 'resume' : 'pause'}`);
    tell(paused ? `${name} is sent to again.` : `Nothing is sent to ${name} until it is resumed.`);
  });
  /** @type {{ ms: number, requests: number }[]} */
  let seen = [];
  const element = h(
    'article',
    { class: 'card' },
    h('div', { class: 'titled' }, h('h2', {}, name), state),
    account,
    why,
    h(
      'dl',
      { class: 'facts' },
      h('div', {}, h('dt', {}, 'Allowed'), budget),
      h('div', {}, h('dt', {}, 'Agreed now'), now),
      h('div', {}, h('dt', {}, 'Used'), used),
      h('div', {}, h('dt', {}, 'Runs'), runs),
    ),
    meter,
    toggle,
    troubles,
  );
  return {
    element,
    /** @param {any} view */
    update(view) {
      paused = view.pausedSince !== undefined;
      const word = paused ? 'paused' : view.circuit === 'open' ? 'not answering' : 'open';
      fill(
        state,
        h(
          'span',
          { class: `state ${paused ? 'halted' : view.circuit === 'open' ? 'failed' : 'finished'}` },
          word,
        ),
      );
      fill(account, `${view.kind} · `, h('code', {}, view.account));
      const sentence = paused
        ? `Paused by hand since ${moment(view.pausedSince)}; runs wait.`
        : view.waiting
          ? waitingText(view.waiting)
          : '';
      why.hidden = sentence === '';
      fill(why, sentence);
      fill(budget, rate(view.rate));
      fill(
        now,
        view.perSecond === undefined
          ? '–'
          : view.perSecond === null
            ? 'no limit'
            : `${speed(view.perSecond)}/s`,
      );
      const perSecond = speedNow(view.requests, view.runs.length > 0);
      const share = view.perSecond ? Math.min(100, (100 * perSecond) / view.perSecond) : 0;
      fill(
        used,
        view.runs.length === 0
          ? '–'
          : `${speed(perSecond)}/s${view.perSecond ? ` (${Math.round(share)} %)` : ''}`,
      );
      meter.value = share;
      meter.hidden = !view.perSecond;
      fill(runs, ...(view.runs.length === 0 ? ['none'] : view.runs.flatMap(runLink)));
      troubles.hidden = view.errors.length === 0;
      keyed(errors, view.errors.slice(0, MOST_ERRORS), ({ says }) => says, errorLine);
      fill(toggle, paused ? 'Resume' : 'Pause');
      toggle.setAttribute('aria-label', `${paused ? 'Resume' : 'Pause'} ${name}`);
      toggle.className = paused ? 'primary' : '';
    },
  };

  /** @param {number} requests @param {boolean} going */
  function speedNow(requests, going) {
    const ms = performance.now();
    // A run that ended takes its requests along.
    if (!going || requests < (seen.at(-1)?.requests ?? 0)) seen = [];
    seen.push({ ms, requests });
    while (seen.length > 2 && ms - seen[0].ms > OVER_MS) seen.shift();
    const seconds = (ms - seen[0].ms) / 1000;
    return seconds < 0.5 ? 0 : (requests - seen[0].requests) / seconds;
  }
}

/** @param {any} first */
function errorLine({ says }) {
  const when = h('time', { class: 'muted' });
  const times = h('small', { class: 'muted' });
  return {
    element: h('li', {}, when, h('span', {}, says, ' ', times)),
    /** @param {any} error */
    update({ at, since, times: count }) {
      fill(when, moment(at));
      when.setAttribute('datetime', at);
      fill(times, count > 1 ? `${group(count)} times since ${moment(since)}` : '');
    },
  };
}

/** @param {string} run @param {number} i */
function runLink(run, i) {
  return [i > 0 ? ', ' : '', h('a', { href: `/runs/${run}` }, run)];
}
