/** Talks with the service: watches what it tells, asks it to do something, says what went wrong. */

const trouble = /** @type {HTMLElement} */ (document.getElementById('trouble'));
const told = /** @type {HTMLElement} */ (document.getElementById('told'));
const AGAIN_MS = 2_000;

/** @param {string | null} sentence shown for as long as it lasts */
export function showTrouble(sentence) {
  trouble.hidden = sentence === null;
  if (trouble.textContent !== (sentence ?? '')) trouble.textContent = sentence ?? '';
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let hiding;

/** @param {string} sentence read out, and shown for a moment */
export function tell(sentence) {
  told.textContent = sentence;
  clearTimeout(hiding);
  hiding = setTimeout(() => {
    told.textContent = '';
  }, 6_000);
}

/**
 * @param {string} path below `/api/events`
 * @param {Record<string, (data: any) => void>} handlers by event
 * @returns {() => void} ends it
 */
export function watch(path, handlers) {
  let ended = false;
  /** @type {EventSource | undefined} */
  let source;
  const connect = () => {
    if (ended) return;
    source = new EventSource(`/api/events${path}`);
    source.addEventListener('trouble', ({ data }) => showTrouble(JSON.parse(data)));
    for (const [event, handle] of Object.entries(handlers)) {
      source.addEventListener(event, ({ data }) => handle(JSON.parse(data)));
    }
    source.onerror = async () => {
      showTrouble('The service does not answer; trying again.');
      if (source?.readyState !== EventSource.CLOSED) return; // it tries again by itself
      await leaveWhenLoggedOut();
      setTimeout(connect, AGAIN_MS);
    };
  };
  connect();
  return () => {
    ended = true;
    source?.close();
  };
}

async function leaveWhenLoggedOut() {
  const answer = await fetch('/api/runs?limit=1').catch(() => undefined);
  if (answer?.status === 401) location.assign('/login');
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<any>} rejects with the sentence of the service
 */
export async function ask(path, init) {
  const answer = await fetch(path, init).catch(() => {
    throw new Error('The service does not answer.');
  });
  if (answer.status === 401) location.assign('/login');
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error?.message ?? `HTTP ${answer.status}`);
  return body;
}

/**
 * What the service tells bit by bit, a line of JSON each.
 * @param {string} path
 * @param {RequestInit} init
 * @returns {AsyncGenerator<any>} throws the sentence of the service
 */
export async function* askLines(path, init) {
  const answer = await fetch(path, init).catch(() => {
    throw new Error('The service does not answer.');
  });
  if (answer.status === 401) location.assign('/login');
  if (!answer.ok || answer.body === null) {
    const body = await answer.json().catch(() => ({}));
    throw new Error(body.error?.message ?? `HTTP ${answer.status}`);
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line);
  }
}

/** @param {string} path */
export function post(path) {
  return ask(path, { method: 'POST' });
}

/**
 * A button that does something, once at a time.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<void>} action
 */
export function whenPressed(button, action) {
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true');
    try {
      await action();
    } catch (error) {
      tell(/** @type {Error} */ (error).message);
    } finally {
      button.removeAttribute('aria-disabled');
    }
  });
}

/**
 * @param {string} question
 * @param {string} yes what the button says
 * @returns {Promise<boolean>}
 */
export function confirmed(question, yes) {
  const dialog = document.createElement('dialog');
  const text = document.createElement('p');
  text.id = 'question';
  text.textContent = question;
  const form = document.createElement('form');
  form.method = 'dialog';
  for (const [value, label, look] of [
    ['no', 'Back', ''],
    ['yes', yes, 'danger'],
  ]) {
    const button = document.createElement('button');
    button.value = String(value);
    button.textContent = String(label);
    button.className = String(look);
    form.append(button);
  }
  dialog.setAttribute('aria-labelledby', 'question');
  dialog.append(text, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}
