/** Text on a terminal: how wide it is, and cells of files made harmless. */

const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}]/u;
const NO_WIDTH = /\p{M}|\u200B|\u200C|\u200D/u;

/** Columns that `text` takes on a terminal. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** Cut to `width` columns, with an ellipsis at the end. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = '';
  let left = Math.max(0, width - 1);
  for (const character of text) {
    left -= widthOf(character);
    if (left < 0) break;
    cut += character;
  }
  return width > 0 ? `${cut}…` : '';
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** A cell as it can be shown: no control characters, which may be orders to the terminal, and all in one line. */
export function shown(cell: string): string {
  return cell.replace(/\r\n|[\r\n]/g, '⏎').replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '�');
}

/** Broken at blanks so that no line is wider, where that can be. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width - indent.length) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((one, i) => (i === 0 ? one : indent + one)).join('\n');
}
