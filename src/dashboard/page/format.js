/** Numbers, times and words as people read them. */

/** @param {number} count `12 345` */
export function group(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${group(count)} ${count === 1 ? one : many}`;
}

/** @param {number} perSecond `0.5`, `98`, `1 200` */
export function speed(perSecond) {
  if (perSecond === 0) return '0';
  return perSecond < 10 ? perSecond.toFixed(1) : group(Math.round(perSecond));
}

/** @param {number} seconds `12 s`, `3 min 20 s`, `2 h 5 min` */
export function duration(seconds) {
  const s = Math.max(0, Math.ceil(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ''}`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ['bytes', 'KB', 'MB', 'GB'];
  let at = 0;
  let left = bytes;
  while (left >= 1000 && at < units.length - 1) {
    left /= 1000;
    at++;
  }
  return `${at === 0 ? left : left.toFixed(left < 10 ? 1 : 0)} ${units[at]}`;
}

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** @param {string | number} when ISO 8601, or ms since the epoch; today: the time alone */
export function moment(when) {
  const date = new Date(when);
  return (date.toDateString() === new Date().toDateString() ? TIME : MOMENT).format(date);
}

/** @param {{ requests: number, perMs: number } | null} rate `10/s` */
export function rate(rate) {
  if (rate === null) return 'no limit';
  const units = { 1000: 's', 60000: 'min', 3600000: 'h' };
  const unit = units[/** @type {1000} */ (rate.perMs)] ?? `${rate.perMs / 1000} s`;
  return `${group(rate.requests)}/${unit}`;
}

/** @param {{ why: string, untilMs?: number }} waiting */
export function waitingText({ why, untilMs }) {
  if (untilMs === undefined) return `${why}.`;
  const seconds = Math.ceil((untilMs - Date.now()) / 1000);
  if (seconds <= 0) return `${why}; trying again.`;
  return seconds <= 60 ? `${why}; next try in ${seconds} s.` : `${why}; next try at ${moment(untilMs)}.`;
}
