/** A file becomes a run: chosen or dropped, described, then sent. */
import { fill, h } from './dom.js';
import { rate, size } from './format.js';
import { ask, tell } from './live.js';

/** @param {HTMLElement} view */
export function showUpload(view) {
  document.title = 'Upload · rowferry';
  const input = h('input', {
    type: 'file',
    id: 'file',
    class: 'unseen',
    accept: '.csv,.tsv,.txt,.gz,.zip,.xlsx,text/csv',
    onchange: () => choose(input.files?.[0]),
  });
  const zone = h(
    'label',
    { class: 'zone', for: 'file', ondragover: over, ondragleave: leave, ondrop: drop },
    h('strong', {}, 'Drop a CSV file here'),
    h('span', { class: 'muted' }, 'or press to choose one'),
  );
  const to = h('select', { name: 'to', required: true });
  const duplicates = h(
    'select',
    { name: 'on_duplicate' },
    h('option', { value: '' }, 'as configured'),
    h('option', { value: 'skip' }, 'skip'),
    h('option', { value: 'update' }, 'update'),
  );
  const pace = h('input', { name: 'rate', placeholder: 'as configured, e.g. 10/s', autocomplete: 'off' });
  const described = h('dl', { class: 'facts' });
  const start = h('button', { class: 'primary', disabled: true }, 'Start');
  const course = h('progress', { max: 100, value: 0, hidden: true, 'aria-label': 'Upload' });
  const said = h('p', { class: 'said', role: 'alert' });
  const warnings = h('ul', { class: 'warnings', 'aria-label': 'What the plan says' });
  const plan = h(
    'section',
    { class: 'card', 'aria-labelledby': 'h-plan', hidden: true },
    h('h2', { id: 'h-plan' }, 'This file'),
    described,
  );
  view.append(
    h('div', { class: 'heading' }, h('h1', {}, 'Upload')),
    h(
      'form',
      { class: 'upload', onsubmit: send },
      zone,
      input,
      plan,
      h(
        'div',
        { class: 'card filters' },
        h('label', {}, h('span', {}, 'Destination'), to),
        h('label', {}, h('span', {}, 'Contacts that are there already'), duplicates),
        h('label', {}, h('span', {}, 'Rate'), pace),
        start,
      ),
      course,
      said,
      warnings,
    ),
  );
  /** @type {File | undefined} */
  let file;
  /** @type {any[]} */
  let destinations = [];

  ask('/api/destinations')
    .then((answer) => {
      destinations = answer.destinations;
      to.replaceChildren(
        ...destinations.map(({ name, kind }) =>
          h('option', { value: name }, name === kind ? name : `${name} (${kind})`),
        ),
      );
      describe();
    })
    .catch((error) => fill(said, error.message));
  to.addEventListener('change', describe);

  /** @param {File | undefined} chosen */
  function choose(chosen) {
    file = chosen;
    fill(said, '');
    warnings.replaceChildren();
    describe();
  }

  /** What is known before anything is sent. */
  function describe() {
    plan.hidden = file === undefined;
    start.disabled = file === undefined || to.value === '';
    if (file === undefined) return;
    const target = destinations.find(({ name }) => name === to.value);
    const facts = [
      ['Name', file.name],
      ['Size', size(file.size)],
      ['Goes to', to.value || '–'],
      ['Allowed', target ? rate(target.rate) : '–'],
    ];
    described.replaceChildren(
      ...facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
    );
  }

  /** @param {SubmitEvent} event */
  function send(event) {
    event.preventDefault();
    if (file === undefined || start.disabled) return;
    start.disabled = true;
    course.hidden = false;
    fill(said, '');
    const query = new URLSearchParams({ name: file.name, to: to.value });
    if (duplicates.value) query.set('on_duplicate', duplicates.value);
    if (pace.value.trim()) query.set('rate', pace.value.trim());
    // fetch does not tell how far an upload is.
    const request = new XMLHttpRequest();
    request.open('POST', `/api/runs?${query}`);
    request.setRequestHeader('content-type', 'text/csv');
    request.setRequestHeader(
      'idempotency-key',
      `${Date.now()}-${crypto.getRandomValues(new Uint32Array(3)).join('-')}`,
    );
    request.upload.onprogress = ({ loaded, total }) => {
      course.value = total > 0 ? (100 * loaded) / total : 0;
    };
    request.onloadend = () => ended(request);
    request.send(file);
  }

  /** @param {XMLHttpRequest} request */
  function ended({ status, responseText }) {
    course.hidden = true;
    start.disabled = false;
    if (status === 401) return location.assign('/login');
    const body = status === 0 ? {} : parsed(responseText);
    if (status !== 200 && status !== 201) {
      fill(said, body.error?.message ?? 'The service does not answer; nothing was added.');
      return;
    }
    const several = body.runs !== undefined;
    const page = several ? '/' : `/runs/${body.run}`;
    if (body.warnings.length === 0) return location.assign(page);
    tell(`The ${several ? 'runs were' : 'run was'} added; mind what the plan says.`);
    warnings.replaceChildren(
      ...body.warnings.map((/** @type {string} */ one) => h('li', {}, one)),
      h('li', {}, h('a', { href: page }, several ? 'See the runs' : 'See the run')),
    );
  }

  /** @param {DragEvent} event */
  function over(event) {
    event.preventDefault();
    zone.classList.add('over');
  }
  function leave() {
    zone.classList.remove('over');
  }
  /** @param {DragEvent} event */
  function drop(event) {
    event.preventDefault();
    leave();
    choose(event.dataTransfer?.files[0]);
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
