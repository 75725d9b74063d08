/** A file becomes a run: chosen or dropped, sent once, checked, then started. */
import { checkView } from './check.js';
import { fill, h } from './dom.js';
import { group, rate, size } from './format.js';
import { ask, askLines } from './live.js';

/** Typing a rate is one change, not one for each key. */
const TYPED_MS = 600;

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
    { class: 'zone', for: 'file' },
    h('strong', {}, 'Drop a CSV file here'),
    h(
      'span',
      { class: 'muted' },
      'or press to choose one; nothing is sent to a destination before you press Start',
    ),
  );
  const to = h('select', { name: 'to', required: true, onchange: changed });
  const duplicates = h(
    'select',
    { name: 'on_duplicate', onchange: changed },
    h('option', { value: '' }, 'as configured'),
    h('option', { value: 'skip' }, 'skip'),
    h('option', { value: 'update' }, 'update'),
  );
  const pace = h('input', {
    name: 'rate',
    placeholder: 'as configured, e.g. 10/s',
    autocomplete: 'off',
    onchange: changed,
    oninput: () => {
      clearTimeout(typing);
      typing = setTimeout(changed, TYPED_MS);
    },
  });
  const title = h('h2', { id: 'h-plan', tabindex: -1 }, 'This file');
  const about = h('p', { class: 'muted' });
  const course = h('progress', { max: 100, value: 0, hidden: true, 'aria-label': 'Upload' });
  const how = h('p', { class: 'muted', role: 'status', hidden: true });
  const found = h('div');
  const start = h('button', { class: 'primary', disabled: true }, 'Start');
  const unchecked = h('button', { type: 'submit', hidden: true }, 'Start without the check');
  const again = h('button', { type: 'button', hidden: true, onclick: check }, 'Check again');
  const other = h('button', { type: 'button', onclick: chooseAnother }, 'Choose another file');
  const said = h('p', { class: 'said', role: 'alert' });
  const plan = h(
    'section',
    { class: 'card', 'aria-labelledby': 'h-plan', hidden: true },
    h('div', { class: 'heading' }, h('div', {}, title, about), other),
    h(
      'div',
      { class: 'filters' },
      h('label', {}, h('span', {}, 'Destination'), to),
      h('label', {}, h('span', {}, 'Contacts that are there already'), duplicates),
      h('label', {}, h('span', {}, 'Rate'), pace),
    ),
    course,
    how,
    found,
    said,
    h('div', { class: 'actions' }, start, unchecked, again),
  );
  view.append(
    h('div', { class: 'heading' }, h('h1', {}, 'Upload')),
    h('form', { class: 'upload', onsubmit: begin }, zone, input, plan),
  );

  /** @type {File | undefined} */
  let file;
  /** What the service calls it, once all of it is there. */
  let sent = '';
  /** @type {XMLHttpRequest | undefined} */
  let sending;
  /** @type {AbortController | undefined} */
  let checking;
  /** With which parameters. */
  let asked = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  /** @type {any[]} */
  let destinations = [];

  const known = ask('/api/destinations')
    .then((answer) => {
      destinations = answer.destinations;
      to.replaceChildren(
        ...destinations.map(({ name, kind }) =>
          h('option', { value: name }, name === kind ? name : `${name} (${kind})`),
        ),
      );
      describe();
    })
    .catch((error) => {
      plan.hidden = false;
      fill(said, error.message);
    });

  // A file that misses the field is meant for it all the same.
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    zone.classList.add('over');
  });
  document.addEventListener('dragleave', () => zone.classList.remove('over'));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    choose(event.dataTransfer?.files[0]);
  });
  addEventListener('pagehide', ({ persisted }) => {
    if (!persisted) drop();
  });

  /** @param {File | undefined} chosen */
  function choose(chosen) {
    if (chosen === undefined) return;
    drop();
    file = chosen;
    zone.hidden = true;
    input.hidden = true;
    plan.hidden = false;
    fill(said, '');
    found.replaceChildren();
    describe();
    title.focus();
    send();
  }

  /** What was sent goes: it was never started. */
  function drop() {
    sending?.abort();
    checking?.abort();
    if (sent) void fetch(`/api/files/${sent}`, { method: 'DELETE', keepalive: true }).catch(() => {});
    sent = '';
    file = undefined;
  }

  function chooseAnother() {
    drop();
    input.value = '';
    zone.hidden = false;
    input.hidden = false;
    plan.hidden = true;
    input.focus();
  }

  function describe() {
    if (file === undefined) return;
    const target = destinations.find(({ name }) => name === to.value);
    fill(title, file.name);
    fill(about, `${size(file.size)}${target ? ` · ${target.name} allows ${rate(target.rate)}` : ''}`);
  }

  /** @param {'sending' | 'checking' | 'checked' | 'refused' | 'unchecked' | 'starting'} state */
  function show(state) {
    course.hidden = state !== 'sending' && state !== 'checking';
    how.hidden = course.hidden && state !== 'checked';
    how.classList.toggle('unseen', state === 'checked'); // the page shows it; it is read out
    start.disabled = state !== 'checked';
    unchecked.hidden = state !== 'checking' && state !== 'unchecked';
    again.hidden = state !== 'refused' && state !== 'unchecked';
  }

  function send() {
    const whole = /** @type {File} */ (file);
    show('sending');
    course.value = 0;
    course.setAttribute('aria-label', 'Upload');
    fill(how, 'Sending it to the service …');
    // fetch does not tell how far an upload is.
    const request = new XMLHttpRequest();
    sending = request;
    request.open('POST', `/api/files?${new URLSearchParams({ name: whole.name })}`);
    request.setRequestHeader('content-type', 'text/csv');
    request.upload.onprogress = ({ loaded, total }) => {
      course.value = total > 0 ? (100 * loaded) / total : 0;
    };
    request.onload = () => {
      if (request !== sending) return;
      if (request.status === 401) return location.assign('/login');
      const body = parsed(request.responseText);
      if (request.status !== 201) return refuse(body.error?.message ?? `HTTP ${request.status}`);
      sent = body.file;
      void check();
    };
    request.onerror = () => refuse('The service does not answer; nothing was kept. Choose the file again.');
    request.send(whole);

    /** @param {string} sentence */
    function refuse(sentence) {
      if (request !== sending) return;
      show('sending');
      course.hidden = true;
      how.hidden = true;
      fill(said, sentence);
    }
  }

  function parameters() {
    const query = new URLSearchParams({ to: to.value });
    if (duplicates.value) query.set('on_duplicate', duplicates.value);
    if (pace.value.trim()) query.set('rate', pace.value.trim());
    return query;
  }

  /** The destination and the like decide about it, too: whatever changes, what was found before counts no more. */
  function changed() {
    clearTimeout(typing);
    if (sent && parameters().toString() !== asked) void check();
    else describe();
  }

  async function check() {
    clearTimeout(typing);
    checking?.abort();
    const mine = new AbortController();
    checking = mine;
    show('checking');
    course.removeAttribute('value');
    course.setAttribute('aria-label', 'Check');
    fill(how, 'Looking at it …');
    fill(said, '');
    found.classList.add('stale');
    try {
      await known;
      describe();
      asked = parameters().toString();
      const path = `/api/files/${sent}/check?${asked}`;
      for await (const news of askLines(path, { method: 'POST', signal: mine.signal })) {
        if (mine.signal.aborted) return;
        if (news.event === 'progress') {
          course.max = news.about;
          course.value = Math.min(news.rows, news.about);
          fill(how, `${group(news.rows)} of about ${group(news.about)} rows checked`);
        }
        if (news.event === 'error') throw Object.assign(new Error(news.error.message), news.error);
        if (news.event !== 'result') continue;
        found.replaceChildren(...checkView(news));
        found.classList.remove('stale');
        show('checked');
        fill(how, `Checked: ${group(news.created)} of ${group(news.rows)} rows would be created.`);
        return;
      }
      throw new Error('The check was cut off.');
    } catch (error) {
      if (mine.signal.aborted) return;
      const { code, message } = /** @type {Error & { code?: string }} */ (error);
      found.replaceChildren();
      // What a run would refuse as well cannot be started.
      show(code === 'CHECK_TOO_LONG' ? 'unchecked' : 'refused');
      fill(said, message);
    } finally {
      course.max = 100;
    }
  }

  /** @param {SubmitEvent} event */
  async function begin(event) {
    event.preventDefault();
    if (!sent) return;
    if (start.disabled && event.submitter !== unchecked) return;
    clearTimeout(typing);
    checking?.abort();
    show('starting');
    fill(said, '');
    try {
      const query = parameters();
      query.set('file', sent);
      const { run, runs } = await ask(`/api/runs?${query}`, { method: 'POST' });
      sent = '';
      // Of an archive each table is a run.
      location.assign(runs === undefined ? `/runs/${run}` : '/');
    } catch (error) {
      show('checked');
      fill(said, /** @type {Error} */ (error).message);
    }
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
