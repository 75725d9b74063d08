/** How much a decoded text looks like words that people write: the wrong encoding makes signs and capitals inside them. */

/** Letters beyond ASCII of languages; what stands in one word together is of one language. */
const LANGUAGES = [
  'äöüßé',
  'éèêëàâçîïôûùüœæ',
  'áéíóúñü',
  'ãõáàéíóúâêôç',
  'àèéìîòù',
  'åäöæøé',
  'áéíóúýþæöð',
  'áčďéěíňóřšťúůýž',
  'áäčďéíĺľňóôŕšťúýž',
  'ąćęłńóśźż',
  'áéíóöőúüű',
  'ăâîșțşţ',
  'čćđšž',
  'çğıöşüâ',
  'āčēģīķļņšūž',
  'äöõüšž',
  'ąčęėįšųūž',
].map((letters) => new Set(letters));
const FREQUENT = new Set('äöüßéèàáíóúñçå');

const LETTER = /\p{L}|\p{M}/u;
const UPPER = /\p{Lu}/u;
const LOWER = /\p{Ll}/u;
const LATIN = /\p{Script=Latin}/u;
const OTHER_SCRIPT =
  /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Thai}]/u;
const EAST_ASIAN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー々・、。（）　「」]/u;
/** They stand where a wrong encoding puts them, and hardly ever where people do. */
const RARE_EAST_ASIAN = /[\uFF61-\uFF9F\u3400-\u4DBF\uE000-\uF8FF\u{20000}-\u{2FFFF}]/u;
const TYPOGRAPHY = /[\u2013\u2014\u2018-\u201E\u2026\u2022\u20AC«»°§©®™£№·¿¡ªº\u00A0]/u;

/** From about 1 (surely) down to -3; undefined when there is nothing beyond ASCII. */
export function plausibility(text: string): number | undefined {
  let sum = 0;
  let count = 0;
  let words = 0;
  const ofLanguage = LANGUAGES.map(() => 0);
  for (const word of text.split(BETWEEN_WORDS)) {
    if (!BEYOND_ASCII.test(word)) continue;
    const letters = [...word];
    const languages = languageShare(letters, ofLanguage);
    words++;
    letters.forEach((letter, i) => {
      if (letter <= '\u007f') return;
      count++;
      sum += markOf(letter, letters[i - 1] ?? '', letters[i + 1] ?? '', languages);
    });
  }
  // A file is mostly of one language.
  return count === 0 ? undefined : sum / count + (0.3 * Math.max(...ofLanguage)) / words;
}

const BETWEEN_WORDS = /[\s,;|"<>@/().-]+/;
const BEYOND_ASCII = /[\u0080-\u{10ffff}]/u;

function markOf(letter: string, before: string, after: string, languages: number): number {
  const amidLetters = LETTER.test(before) && LETTER.test(after);
  if (letter === '\uFFFD') return -5;
  if (/\p{Cc}/u.test(letter)) return -3;
  if (RARE_EAST_ASIAN.test(letter)) return -1;
  const ofEastAsia = EAST_ASIAN.test(letter);
  if (ofEastAsia) return isLatin(before) || isLatin(after) ? -1.5 : 1;
  if (!LETTER.test(letter)) {
    if (letter === '\u2019') return 0.5;
    if (amidLetters) return -1.5;
    return TYPOGRAPHY.test(letter) ? 0.3 : -0.7;
  }
  const other = OTHER_SCRIPT.test(letter);
  if (other && (isLatin(before) || isLatin(after))) return -1.5;
  if (!other && (OTHER_SCRIPT.test(before) || OTHER_SCRIPT.test(after))) return -1.5;
  const inWord = LETTER.test(before) || LETTER.test(after);
  if (UPPER.test(letter)) {
    if (LOWER.test(before)) return -1.5;
    if (!inWord) return -0.3;
  } else if (UPPER.test(before) && UPPER.test(after)) return -1;
  if (!inWord) return 0.2;
  if (other) return 1;
  return LATIN.test(letter) ? languages + (FREQUENT.has(letter) ? 0.15 : 0) : 0;
}

function isLatin(letter: string): boolean {
  return LATIN.test(letter);
}

/** The share of a word's letters beyond ASCII that one language has, at best; languages that have all are counted. */
function languageShare(letters: readonly string[], ofLanguage: number[]): number {
  const special = letters
    .filter((letter) => letter > '\u007f' && LATIN.test(letter))
    .map((letter) => (letter === 'İ' ? 'ı' : letter.toLowerCase()));
  if (special.length === 0) return 0;
  let best = 0;
  LANGUAGES.forEach((language, i) => {
    const share = special.filter((letter) => language.has(letter)).length / special.length;
    if (share === 1) ofLanguage[i]!++;
    best = Math.max(best, share);
  });
  return best === 1 ? 1 : best - 0.7;
}
