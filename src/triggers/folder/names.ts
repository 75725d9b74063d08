/** Names of files: which are not meant yet, and what they are called where rowferry keeps them. */

/** What programs write to before a file has its name, and what systems leave lying about. */
const NOT_MEANT = /^\.|^~\$|~$|\.(part|partial|filepart|tmp|crdownload|swp)$|^(thumbs\.db|desktop\.ini)$/i;

/** The longest name of a file, less the run's id before it and `.txt` behind it. */
const LONGEST = 255 - '20260131-235959-1a2b3c-'.length - '.txt'.length;

export function isMeant(name: string): boolean {
  return !NOT_MEANT.test(name);
}

/** The name as it can be shown: a line break or an escape in it must not reach a terminal or a log. */
export function shownName(raw: Buffer): string {
  return raw.toString('utf8').replace(/\p{Cc}/gu, '_');
}

/** `<run>-<name>`, cut in front of its ending where that would be too long for a file system. */
export function keptName(run: string, shown: string): string {
  const ending = /\.[^.]{1,10}$/.exec(shown)?.[0] ?? '';
  let stem = '';
  let left = LONGEST - Buffer.byteLength(ending);
  for (const character of shown.slice(0, shown.length - ending.length)) {
    left -= Buffer.byteLength(character);
    if (left < 0) break;
    stem += character;
  }
  return `${run}-${stem}${ending}`;
}
