/** How far a run is, as a bar, and in which state, as a word. */
import { h } from './dom.js';
import { group } from './format.js';

/** @param {any} progress */
export function settled({ created, updated, skipped, failed }) {
  return created + updated + skipped + failed;
}

/** @param {string} state */
export function stateBadge(state) {
  return h('span', { class: `state ${state}` }, state);
}

const PARTS = ['created', 'updated', 'skipped', 'failed'];

/** A bar of outcomes; what is not settled yet is left blank. @param {string} [label] of the whole */
export function outcomeBar(label = 'Rows settled') {
  const parts = PARTS.map((name) => h('span', { class: name }));
  const element = h(
    'div',
    { class: 'bar', role: 'progressbar', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100 },
    ...parts,
  );
  return {
    element,
    /** @param {any} progress */
    update(progress) {
      const total = Math.max(1, progress.total, settled(progress));
      for (const [i, name] of PARTS.entries()) {
        const share = (100 * progress[name]) / total;
        // A few rows among millions are seen, too.
        parts[i].style.width = progress[name] > 0 ? `max(2px, ${share}%)` : '0';
      }
      element.setAttribute('aria-valuenow', String(Math.floor((100 * settled(progress)) / total)));
      element.setAttribute(
        'aria-valuetext',
        PARTS.map((name) => `${group(progress[name])} ${name}`).join(', '),
      );
    },
  };
}
