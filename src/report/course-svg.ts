/** Rows a second over the time of a run, as a picture. */
import type { Moment } from '../timeline.js';

const WIDTH = 720;
const HEIGHT = 140;
const LEFT = 46;
const BASE = 118;
const TOP = 8;

/** Empty where a run was over too soon to be drawn. Numbers only: nothing in it needs to be escaped. */
export function courseSvg(moments: readonly Moment[]): string {
  if (moments.length < 3) return '';
  const [startMs] = moments[0]!;
  const speeds = moments.slice(1).map((now, i) => {
    const before = moments[i]!;
    const rows = settled(now) - settled(before);
    return { ms: now[0], speed: (1000 * Math.max(0, rows)) / Math.max(1, now[0] - before[0]) };
  });
  const fastest = Math.max(...speeds.map(({ speed }) => speed), 0.1);
  const span = Math.max(1, speeds.at(-1)!.ms - startMs);
  const x = (ms: number) => (LEFT + ((ms - startMs) / span) * (WIDTH - LEFT - 4)).toFixed(1);
  const y = (speed: number) => (BASE - (speed / fastest) * (BASE - TOP)).toFixed(1);
  speeds.unshift({ ms: startMs, speed: speeds[0]!.speed });
  const line = speeds.map(({ ms, speed }, i) => `${i === 0 ? 'M' : 'L'}${x(ms)} ${y(speed)}`).join('');
  const area = `${line}L${x(startMs + span)} ${BASE}L${x(speeds[0]!.ms)} ${BASE}Z`;
  const most = fastest < 10 ? fastest.toFixed(1) : Math.round(fastest);
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Rows a second over time, ${most} at the most">
<line class="axis" x1="${LEFT}" x2="${WIDTH - 4}" y1="${BASE}" y2="${BASE}"/>
<path class="area" d="${area}"/><path class="line" d="${line}"/>
<text x="${LEFT - 6}" y="${TOP + 6}" text-anchor="end">${most}/s</text><text x="${LEFT - 6}" y="${BASE}" text-anchor="end">0</text>
<text x="${LEFT}" y="${HEIGHT - 6}">0 s</text><text x="${WIDTH - 4}" y="${HEIGHT - 6}" text-anchor="end">${Math.round(span / 1000)} s</text>
</svg>`;
}

function settled([, created, updated, skipped, failed]: Moment): number {
  return created + updated + skipped + failed;
}
