/** Builds elements. Text is only ever text: whatever a cell of somebody's file holds, it is shown as it is. */

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [props] attributes; `on…` listeners; true: there, false or undefined: not there
 * @param {...(Node | string | number | undefined | null | false)} children
 * @returns {any} the element
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...kept(children));
  return element;
}

/** @param {(Node | string | number | undefined | null | false)[]} children */
function kept(children) {
  return children.flatMap((child) =>
    child === undefined || child === null || child === false
      ? []
      : [child instanceof Node ? child : String(child)],
  );
}

/**
 * Changes what an element holds, unless it holds just that: who reads or selects there is not disturbed.
 * @param {Element} element
 * @param {...(Node | string | number | undefined | null | false)} children
 */
export function fill(element, ...children) {
  const next = kept(children);
  if (next.length === 1 && typeof next[0] === 'string') {
    if (element.childNodes.length !== 1 || element.textContent !== next[0]) element.textContent = next[0];
    return;
  }
  element.replaceChildren(...next);
}

/**
 * One element for each item, kept for as long as the item is there.
 * @template T
 * @param {Element} parent
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => { element: Element, update(item: T): void }} create
 */
export function keyed(parent, items, keyOf, create) {
  const holder = /** @type {Element & { kept?: Map<string, ReturnType<typeof create>> }} */ (parent);
  const before = holder.kept ?? new Map();
  const now = new Map();
  for (const item of items) {
    const key = keyOf(item);
    const one = before.get(key) ?? create(item);
    one.update(item);
    now.set(key, one);
  }
  holder.kept = now;
  for (const [key, { element }] of before) if (!now.has(key)) element.remove();
  let at = parent.firstElementChild;
  for (const { element } of now.values()) {
    if (at !== null && element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
}

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {string} tag
 * @param {Record<string, string | number>} props
 * @param {...(Node | string)} children
 */
export function svg(tag, props, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}
