/** Rows and requests a second over time. */
import { h, svg } from './dom.js';
import { moment, speed } from './format.js';

const HEIGHT = 180;
const LEFT = 44;
const BOTTOM = 22;
const TOP = 8;

/**
 * @typedef {[ms: number, created: number, updated: number, skipped: number, failed: number, requests: number, throttled: number]} Moment
 * @typedef {{ ms: number, rows: number, requests: number }} Speed
 */

/** @param {Moment} moment */
const settledAt = ([, created, updated, skipped, failed]) => created + updated + skipped + failed;

/**
 * Between moments, each over a few of them, so that a single pause of a second is no abyss.
 * @param {Moment[]} moments
 * @returns {Speed[]}
 */
export function speeds(moments) {
  const over = Math.max(1, Math.min(4, Math.floor(moments.length / 4)));
  return moments.slice(over).map((now, i) => {
    const before = moments[i];
    const seconds = Math.max(0.001, (now[0] - before[0]) / 1000);
    return {
      ms: now[0],
      rows: Math.max(0, (settledAt(now) - settledAt(before)) / seconds),
      requests: Math.max(0, (now[5] - before[5]) / seconds),
    };
  });
}

export function speedChart() {
  const element = h('figure', { class: 'chart' });
  return {
    element,
    /** @param {Moment[]} moments @param {number | null | undefined} budget requests per second that are allowed @param {boolean} over */
    update(moments, budget, over) {
      const points = speeds(moments);
      if (points.length < 2) {
        element.replaceChildren(
          h(
            'p',
            { class: 'muted' },
            over ? 'It was over too soon to be drawn.' : 'Drawn once it has gone on for a few seconds.',
          ),
        );
        return;
      }
      // As wide as the place it has, so that its words can be read on a phone.
      element.replaceChildren(legend(budget), draw(points, budget, Math.max(300, element.clientWidth)));
    },
  };
}

/** @param {number | null | undefined} budget */
function legend(budget) {
  return h(
    'figcaption',
    {},
    h('span', { class: 'key rows' }, 'rows/s'),
    h('span', { class: 'key requests' }, 'requests/s'),
    budget ? h('span', { class: 'key budget' }, `budget ${speed(budget)}/s`) : undefined,
  );
}

/** @param {Speed[]} points @param {number | null | undefined} budget @param {number} width */
function draw(points, budget, width) {
  const [first, last] = [points[0], points[points.length - 1]];
  const fastest = Math.max(...points.flatMap(({ rows, requests }) => [rows, requests]), 0.1);
  const most = niceAbove(budget && budget < fastest * 3 ? Math.max(fastest, budget) : fastest);
  const span = Math.max(1, last.ms - first.ms);
  const x = (/** @type {number} */ ms) => LEFT + ((ms - first.ms) / span) * (width - LEFT - 6);
  const y = (/** @type {number} */ value) => TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM);
  const line = (/** @type {'rows' | 'requests'} */ name) =>
    points
      .map((point, i) => `${i === 0 ? 'M' : 'L'}${x(point.ms).toFixed(1)} ${y(point[name]).toFixed(1)}`)
      .join('');
  const label = `From ${moment(first.ms)} to ${moment(last.ms)}: at last ${speed(last.rows)} rows and ${speed(last.requests)} requests a second, ${speed(Math.max(...points.map(({ rows }) => rows)))} rows at the most.`;
  return svg(
    'svg',
    { viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': label },
    ...[0, most / 2, most].flatMap((value) => [
      svg('line', { class: 'grid', x1: LEFT, x2: width - 6, y1: y(value), y2: y(value) }),
      svg('text', { class: 'tick', x: LEFT - 6, y: y(value) + 4, 'text-anchor': 'end' }, speed(value)),
    ]),
    svg('path', { class: 'area', d: `${line('rows')}L${x(last.ms)} ${y(0)}L${LEFT} ${y(0)}Z` }),
    svg('path', { class: 'line rows', d: line('rows') }),
    svg('path', { class: 'line requests', d: line('requests') }),
    ...(budget && budget <= most
      ? [svg('line', { class: 'line budget', x1: LEFT, x2: width - 6, y1: y(budget), y2: y(budget) })]
      : []),
    svg('text', { class: 'tick', x: LEFT, y: HEIGHT - 4 }, moment(first.ms)),
    svg('text', { class: 'tick', x: width - 6, y: HEIGHT - 4, 'text-anchor': 'end' }, moment(last.ms)),
  );
}

/** @param {number} value 1, 2 or 5 times a power of ten */
function niceAbove(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 4, 5, 10].find((one) => one * power >= value) ?? 10;
  return step * power;
}
