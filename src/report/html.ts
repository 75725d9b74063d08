/** `report.html`: a run on one page that needs nothing else, to be read, printed or sent. No script. */
import { html, raw } from 'hono/html';
import type { Reason, Status } from '../outcome.js';
import type { RunPlan } from '../run.js';
import type { Moment } from '../timeline.js';
import { ADVICE } from './advice.js';
import { courseSvg } from './course-svg.js';
import { cut, type Example, type Examples } from './examples.js';
import { STYLE } from './style.js';
import type { Summary } from './summary.js';

export interface PageInput {
  summary: Summary;
  plan: RunPlan;
  examples: Examples;
  moments: readonly Moment[];
  /** Where each column of the source goes; without a field: nowhere by itself. */
  columns: readonly { header: string; field?: string }[];
}

const STATUSES: readonly Status[] = ['created', 'updated', 'skipped', 'failed', 'unprocessed'];
/** A file of any width must not make a page of any size. */
const MOST_COLUMNS = 200;
const LONGEST_RULES = 20_000;

type Html = ReturnType<typeof html>;

export async function renderReport(input: PageInput): Promise<string> {
  const { summary, plan, moments } = input;
  const title = `${summary.source.name} → ${summary.destination}`;
  return String(
    await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}: ${summary.state}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>${title}</h1>
<p class="muted">Run <code>${summary.run}</code>${
      plan.sync === undefined ? '' : html` of the sync ${plan.sync}`
    }${summary.retry_of === undefined ? '' : html`, retry of <code>${summary.retry_of}</code>`}</p>
</header>
<p class="verdict ${summary.state === 'halted' ? 'bad' : summary.failed > 0 ? 'warn' : 'good'}">${verdict(summary)}</p>
${outcomes(summary)}
${course(summary, moments)}
${reasons(input)}
${reading(input)}
${settings(plan)}
${environment(summary, plan)}
</main>
</body>
</html>
`,
  );
}

/** One sentence. */
export function verdict({ state, message, rows, failed, unprocessed, ...rest }: Summary): string {
  const done = `${told(rest.created)} created, ${rest.updated > 0 ? `${told(rest.updated)} updated, ` : ''}${told(rest.skipped)} skipped`;
  if (state === 'halted')
    return message ?? `Halted: ${told(unprocessed)} of ${told(rows)} rows were not sent.`;
  if (state === 'cancelled')
    return `Cancelled: ${told(unprocessed)} of ${told(rows)} rows were not sent; ${done}, ${told(failed)} failed.`;
  if (rows === 0 && message !== undefined) return message;
  if (failed === 0) return `Every one of ${told(rows)} rows is accounted for: ${done}, none failed.`;
  return `${told(failed)} of ${told(rows)} rows failed; ${done}.`;
}

function outcomes(summary: Summary): Html {
  const all = Math.max(1, summary.rows);
  const some = STATUSES.filter((status) => summary[status] > 0);
  const words = some.map((status) => `${told(summary[status])} ${status}`).join(', ') || 'no rows';
  return html`<section>
<h2>Outcomes</h2>
<div class="bar" role="img" aria-label="${words}">${some.map(
    (status) =>
      html`<span class="${status}" style="width:${((100 * summary[status]) / all).toFixed(3)}%"></span>`,
  )}</div>
<dl class="tiles">${STATUSES.map(
    (status) => html`<div class="${status}"><dt>${status}</dt><dd>${told(summary[status])}</dd></div>`,
  )}</dl>
</section>`;
}

function course(summary: Summary, moments: readonly Moment[]): Html {
  const seconds = summary.duration_ms / 1000;
  return html`<section>
<h2>Course</h2>
<p>Started ${time(summary.started_at)}, ended ${time(summary.finished_at)}: ${told(Math.round(seconds * 10) / 10)} s,
${told(summary.rows_per_second)} rows a second, ${told(summary.requests)} requests, ${told(summary.retries)} retries,
${told(summary.throttled)} throttled.</p>
${raw(courseSvg(moments))}
</section>`;
}

function reasons({ summary, examples }: PageInput): Html {
  const found = (Object.entries(summary.reasons) as [Reason, number][]).sort(([, a], [, b]) => b - a);
  if (found.length === 0) return html`<section><h2>Reasons</h2><p>No row needs one.</p></section>`;
  return html`<section>
<h2>Reasons</h2>
${found.map(([reason, rows]) => {
  const { status, meaning, mend } = ADVICE[reason];
  return html`<article>
<h3><span class="dot ${status}"></span><code>${reason}</code> <span class="muted">${status}, ${counted(rows)}</span></h3>
<p>${meaning}${mend === '' ? '' : html` <strong>${mend}</strong>`}</p>
${exampleTable(examples.of(reason))}
</article>`;
})}
</section>`;
}

function exampleTable(examples: readonly Example[]): Html | string {
  if (examples.length === 0) return '';
  return html`<table>
<thead><tr><th>Row (line)</th><th>E-mail</th><th>External id</th><th>Why</th><th class="number">Rows like it</th></tr></thead>
<tbody>${examples.map(
    (example) =>
      html`<tr><td>${example.row} (${example.line})</td><td>${example.email ?? ''}</td><td>${example.external_id ?? ''}</td><td>${why(example)}</td><td class="number">${told(example.rows)}</td></tr>`,
  )}</tbody>
</table>`;
}

function why({ field, message, duplicateOf }: Example): string {
  const said = [field, message].filter(Boolean).join(': ');
  if (duplicateOf === undefined) return said;
  const repeats = duplicateOf === 'destination' ? 'already in the destination' : `repeats row ${duplicateOf}`;
  return said === '' ? repeats : `${said}; ${repeats}`;
}

function reading({ plan, columns }: PageInput): Html {
  const rules = JSON.stringify(plan.mapping, null, 2);
  const more = columns.length - MOST_COLUMNS;
  return html`<section>
<h2>How the file was read</h2>
<dl class="facts">
<div><dt>File</dt><dd>${plan.source.name}, ${told(plan.source.bytes)} bytes</dd></div>
<div><dt>SHA-256</dt><dd><code>${plan.source.sha256}</code></dd></div>
${plan.dialect.found.map(({ what, value, why }) => html`<div><dt>${capital(what)}</dt><dd>${value} <span class="muted">${why}</span></dd></div>`)}
</dl>
${
  columns.length === 0
    ? ''
    : html`<table>
<thead><tr><th>Column</th><th>Field</th></tr></thead>
<tbody>${columns
        .slice(0, MOST_COLUMNS)
        .map(({ header, field }) => html`<tr><td>${cut(header)}</td><td>${field ?? '–'}</td></tr>`)}</tbody>
</table>${more > 0 ? html`<p class="muted">and ${told(more)} more columns</p>` : ''}`
}
${rules === '{}' ? '' : html`<h3>Rules</h3><pre>${cut(rules, LONGEST_RULES)}</pre>`}
</section>`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function settings(plan: RunPlan): Html {
  const { rate } = plan;
  const facts: [string, string][] = [
    ['Destination', plan.destination],
    ['Account', plan.account],
    ['Rate', rate === null ? 'no limit' : `${told(rate.requests)} requests in ${told(rate.perMs / 1000)} s`],
    ['Attempts for one contact', String(plan.attempts)],
    ['Contacts that are there already', plan.onDuplicate === 'update' ? 'are updated' : 'are skipped'],
    ['Several contacts in one request', plan.bulk ? 'yes' : 'no'],
    ['Unchanged contacts', plan.incremental ? 'are not sent again' : 'are sent again'],
    ['Added by', plan.trigger],
  ];
  return html`<section>
<h2>Settings</h2>
<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</section>`;
}

function environment({ finished_at: at }: Summary, { version }: RunPlan): Html {
  const { version: node, platform, arch } = process;
  return html`<footer class="muted">rowferry ${version} · Node ${node} · ${platform} ${arch} · written ${time(at)}.
Beside this page: outcomes.csv (every row), failed.csv and skipped.csv (as they were in the file), summary.json.</footer>`;
}

/** `2026-01-31 23:59:59 UTC` */
function time(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`;
}

function told(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, '\u202f');
}

function counted(rows: number): string {
  return `${told(rows)} ${rows === 1 ? 'row' : 'rows'}`;
}
