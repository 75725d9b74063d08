/**
 * `npx tsx test/corpus/generate.ts` writes `generated/`: files in every encoding, packing, delimiter and line end, each
 * with the records it was made of as JSON beside it. The same seed gives the same files; it reads nothing of `src/`.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import iconv from 'iconv-lite';
import { type Entry, sheetXml, workbook, zip } from './archive.js';

const DIR = join(import.meta.dirname, 'generated');
rmSync(DIR, { recursive: true, force: true });
mkdirSync(DIR, { recursive: true });

/** mulberry32 */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
const next = random(20_260_131);
const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;

interface Expected {
  about: string;
  dialect: Record<string, unknown>;
  /** Lines and cells. */
  records: (string | number)[][];
}

function write(name: string, bytes: Buffer, expected: Expected): void {
  writeFileSync(join(DIR, name), bytes);
  const records = expected.records.map((record) => `    ${JSON.stringify(record)}`).join(',\n');
  const { about, dialect } = expected;
  writeFileSync(
    join(DIR, `${name}.json`),
    `{\n  "about": ${JSON.stringify(about)},\n  "dialect": ${JSON.stringify(dialect)},\n  "records": [\n${records}\n  ]\n}\n`,
  );
}

/** Numbered by line; a cell's own line ends count. */
function numbered(table: readonly string[][]): (string | number)[][] {
  let line = 1;
  return table.map((cells) => {
    const start = line;
    line += 1 + (cells.join('').match(/\r\n|\n|\r/g)?.length ?? 0);
    return [start, ...cells];
  });
}

interface Style {
  delimiter?: string;
  quote?: string;
  escape?: string;
  end?: string;
  all?: boolean;
}

function csv(
  table: readonly string[][],
  { delimiter = ',', quote = '"', escape: before = quote, end = '\n', all }: Style = {},
): string {
  const cell = (text: string) => {
    const needs =
      all ||
      [delimiter, quote, '\n', '\r', ...(before === '\\' ? ['\\'] : [])].some((sign) => text.includes(sign));
    if (!needs) return text;
    const escaped =
      before === '\\'
        ? text.replace(/[\\"']/g, (sign) => (sign === quote || sign === '\\' ? `\\${sign}` : sign))
        : text.replaceAll(quote, quote + quote);
    return quote + escaped + quote;
  };
  return table.map((cells) => cells.map(cell).join(delimiter) + end).join('');
}

/** Names as people of a place have them. */
const PEOPLE: Record<string, { header: string[]; names: string[]; places: string[] }> = {
  german: {
    header: ['email', 'Name', 'Ort'],
    names: ['Jürgen Müller', 'Zoë Größe', 'Björn Weiß', 'Käthe Schäfer'],
    places: ['Köln', 'Zürich', 'Düsseldorf'],
  },
  french: {
    header: ['email', 'Prénom', 'Ville'],
    names: ['Hélène Lefèvre', 'François Noël', 'Benoît Gagné', 'Inès Crépin'],
    places: ['Besançon', 'Orléans', 'Saint-Étienne'],
  },
  spanish: {
    header: ['email', 'Nombre', 'Población'],
    names: ['José Muñoz', 'Ángel Ibáñez', 'Lucía Gómez', 'Íñigo Peña'],
    places: ['Málaga', 'Cádiz', 'León'],
  },
  portuguese: {
    header: ['email', 'Nome', 'Endereço'],
    names: ['João Simões', 'Conceição Araújo', 'Inês Gonçalves', 'Antônio Magalhães'],
    places: ['São Paulo', 'Brasília', 'Évora'],
  },
  swedish: {
    header: ['email', 'Namn', 'Ort'],
    names: ['Åsa Sjöberg', 'Jörgen Åkerström', 'Märta Lindgård'],
    places: ['Malmö', 'Göteborg', 'Västerås'],
  },
  polish: {
    header: ['email', 'Imię', 'Miasto'],
    names: ['Łukasz Wójcik', 'Małgorzata Dąbrowska', 'Święcicki Paweł', 'Żaneta Kęsik'],
    places: ['Łódź', 'Kraków', 'Gdańsk'],
  },
  czech: {
    header: ['email', 'Jméno', 'Město'],
    names: ['Tomáš Dvořák', 'Věra Černá', 'Růžena Šťastná', 'Jiří Němec'],
    places: ['Plzeň', 'Děčín', 'Třebíč'],
  },
  hungarian: {
    header: ['email', 'Név', 'Város'],
    names: ['Gyöngyösi Ödön', 'Kőrösi Győző', 'Szűcs Ágnes', 'Tóth Béla'],
    places: ['Győr', 'Pécs', 'Szolnok'],
  },
  turkish: {
    header: ['email', 'Ad', 'Şehir'],
    names: ['Çağla Öztürk', 'Güneş Yıldız', 'İsmail Şahin', 'Ayşe Doğan'],
    places: ['İzmir', 'Muğla', 'Eskişehir'],
  },
  russian: {
    header: ['email', 'Имя', 'Город'],
    names: ['Иван Петров', 'Ольга Щербакова', 'Фёдор Юшкин', 'Елена Жукова'],
    places: ['Москва', 'Санкт-Петербург', 'Казань'],
  },
  greek: {
    header: ['email', 'Όνομα', 'Πόλη'],
    names: ['Γιώργος Παπαδόπουλος', 'Μαρία Νικολάου', 'Ελένη Ιωάννου'],
    places: ['Αθήνα', 'Θεσσαλονίκη', 'Πάτρα'],
  },
  japanese: {
    header: ['email', '氏名', '住所'],
    names: ['山田太郎', '佐藤花子', '鈴木 イチロー', '高橋ゆき'],
    places: ['東京都千代田区', '大阪市', '北海道札幌市'],
  },
  chinese: {
    header: ['email', '姓名', '城市'],
    names: ['张伟', '王小明', '李娜', '刘德华'],
    places: ['北京市朝阳区', '上海市', '广州'],
  },
  taiwanese: {
    header: ['email', '姓名', '城市'],
    names: ['張偉', '陳怡君', '林志豪', '黃淑芬'],
    places: ['臺北市信義區', '高雄市', '臺中市'],
  },
  korean: {
    header: ['email', '이름', '도시'],
    names: ['김철수', '이영희', '박지성', '최민호'],
    places: ['서울특별시', '부산광역시', '대전'],
  },
};

function people(of: string, count: number): string[][] {
  const { header, names, places } = PEOPLE[of]!;
  return [
    header,
    ...Array.from({ length: count }, (_, i) => [`p${i + 1}@example.com`, pick(names), pick(places)]),
  ];
}

const ENCODED: [encoding: string, language: string, known?: string][] = [
  ['utf-8', 'german'],
  ['utf-8', 'japanese'],
  ['utf-8', 'russian'],
  ['windows-1252', 'german'],
  ['windows-1252', 'french'],
  ['windows-1252', 'spanish'],
  ['windows-1252', 'portuguese'],
  ['windows-1252', 'swedish'],
  ['iso-8859-1', 'french'],
  ['iso-8859-15', 'german'],
  ['windows-1250', 'polish'],
  ['windows-1250', 'czech'],
  ['windows-1250', 'hungarian'],
  ['iso-8859-2', 'polish'],
  ['iso-8859-2', 'czech'],
  ['windows-1251', 'russian'],
  ['koi8-r', 'russian'],
  ['iso-8859-5', 'russian'],
  ['cp866', 'russian'],
  ['windows-1253', 'greek'],
  ['windows-1254', 'turkish'],
  ['macroman', 'german'],
  ['macroman', 'french'],
  ['macroman', 'spanish'],
  ['maccenteuro', 'polish'],
  ['maccenteuro', 'czech'],
  ['cp850', 'german'],
  ['shift_jis', 'japanese'],
  ['euc-jp', 'japanese'],
  ['gb18030', 'chinese'],
  ['big5', 'taiwanese'],
  ['euc-kr', 'korean'],
];
for (const [encoding, language] of ENCODED) {
  const table = people(language, 12);
  write(`${encoding}-${language}.csv`, iconv.encode(csv(table), encoding), {
    about: `${language} names in ${encoding}`,
    dialect: { delimiter: ',' },
    records: numbered(table),
  });
}

for (const wide of ['utf-16le', 'utf-16be', 'utf-32le', 'utf-32be']) {
  for (const mark of [true, false]) {
    const table = people('czech', 6);
    write(
      `${wide}${mark ? '-bom' : ''}.csv`,
      iconv.encode(csv(table, { end: '\r\n', delimiter: '\t' }), wide, { addBOM: mark }),
      {
        about: `${wide} ${mark ? 'with' : 'without'} a byte order mark`,
        dialect: { encoding: wide, delimiter: '\t' },
        records: numbered(table),
      },
    );
  }
}
{
  const table = people('french', 5);
  write('utf-8-bom.csv', Buffer.from(`\uFEFF${csv(table, { all: true })}`), {
    about: 'UTF-8 with a byte order mark before a quoted header',
    dialect: { encoding: 'utf-8' },
    records: numbered(table),
  });
}

/** Cells that mislead whoever counts characters. */
const NOTES = [
  'one, two; three',
  'a | b',
  '12:30:45',
  '1,5',
  '2;5',
  'say "hi"',
  "it's",
  'two\nlines',
  '',
  ' ',
  'x^2 ~ y',
  'tab\there',
];
function notes(count: number): string[][] {
  const row = (i: number) => [
    `p${i + 1}@example.com`,
    `First${i}`,
    pick(NOTES),
    `${Math.floor(next() * 100)},${Math.floor(next() * 90) + 10}`,
  ];
  return [['email', 'first_name', 'note', 'amount'], ...Array.from({ length: count }, (_, i) => row(i))];
}
const SIGNS: Record<string, string> = {
  ',': 'comma',
  ';': 'semicolon',
  '\t': 'tab',
  '|': 'pipe',
  ':': 'colon',
  '^': 'caret',
  '~': 'tilde',
  '||': 'two-pipes',
  '\u001f': 'unit-separator',
  '\u0001': 'soh',
  '§': 'section',
  '¦': 'broken-bar',
};
for (const [delimiter, name] of Object.entries(SIGNS)) {
  const table = notes(14);
  write(`delimiter-${name}.csv`, Buffer.from(csv(table, { delimiter })), {
    about: `cells divided by ${name}, with others inside cells`,
    dialect: { delimiter, quote: '"', escape: 'double' },
    records: numbered(table),
  });
}
for (const [delimiter, end] of [
  [';', '\r\n'],
  ['\t', '\r\n'],
  ['|', '\r'],
  [',', '\r'],
  [',', '\r\n'],
  [',', '\r\r\n'],
  [';', '\n'],
] as const) {
  const table = notes(10).map((cells) => cells.map((text) => text.replace('\n', '/')));
  const name = end.replaceAll('\r', 'cr').replaceAll('\n', 'lf');
  write(`line-ends-${name}-${SIGNS[delimiter]}.csv`, Buffer.from(csv(table, { delimiter, end })), {
    about: `lines that end with ${name}`,
    dialect: { delimiter, lineEnd: end === '\r' ? '\r' : '\n' },
    records: numbered(table),
  });
}
for (const delimiter of [',', ';', '\t', '|']) {
  const all = notes(8).map((cells) => cells.map((text) => text.replace("'", '’')));
  write(
    `single-quotes-${SIGNS[delimiter]}.csv`,
    Buffer.from(csv(all, { delimiter, quote: "'", all: true })),
    {
      about: 'every cell in apostrophes',
      dialect: { delimiter, quote: "'", escape: 'double' },
      records: numbered(all),
    },
  );
  const quoted = notes(8);
  quoted[3]![2] = 'say "hi", then go';
  quoted[5]![2] = 'C:\\temp\\"x"';
  write(
    `backslash-${SIGNS[delimiter]}.csv`,
    Buffer.from(csv(quoted, { delimiter, escape: '\\', all: true })),
    {
      about: 'quotes inside cells behind a backslash',
      dialect: { delimiter, quote: '"', escape: 'backslash' },
      records: numbered(quoted),
    },
  );
  const whole = notes(8);
  write(
    `all-quoted-${SIGNS[delimiter]}.csv`,
    Buffer.from(csv(whole, { delimiter, all: true, end: '\r\n' })),
    {
      about: 'every cell in quotes',
      dialect: { delimiter, quote: '"', escape: 'double' },
      records: numbered(whole),
    },
  );
}

const plain = people('german', 8);
const gz = (bytes: Buffer) => {
  const packed = gzipSync(bytes);
  packed[9] = 3; // the same on every system
  return packed;
};
const inZip = (...entries: Entry[]) => zip(entries);
write('packed.csv.gz', gz(Buffer.from(csv(plain))), {
  about: 'gzip',
  dialect: { delimiter: ',' },
  records: numbered(plain),
});
write('packed-twice.csv.gz', gz(gz(Buffer.from(csv(plain)))), {
  about: 'gzip in gzip',
  dialect: {},
  records: numbered(plain),
});
write('gzip-by-another-name.csv', gz(iconv.encode(csv(plain), 'windows-1252')), {
  about: 'gzip of windows-1252, called .csv',
  dialect: { encoding: 'windows-1252' },
  records: numbered(plain),
});
write('one.zip', inZip({ name: 'people.csv', bytes: Buffer.from(csv(plain)) }), {
  about: 'zip with one CSV',
  dialect: {},
  records: numbered(plain),
});
write('stored.zip', inZip({ name: 'people.csv', bytes: Buffer.from(csv(plain)), stored: true }), {
  about: 'zip that does not pack',
  dialect: {},
  records: numbered(plain),
});
write(
  'with-a-readme.zip',
  inZip(
    { name: '__MACOSX/._people.csv', bytes: Buffer.from('x') },
    { name: 'readme.md', bytes: Buffer.from('# hi') },
    { name: 'export/people.csv', bytes: iconv.encode(csv(plain, { delimiter: ';' }), 'macroman') },
  ),
  {
    about: 'zip with one CSV, in Mac Roman, among other files',
    dialect: { encoding: 'macroman', delimiter: ';' },
    records: numbered(plain),
  },
);

/** Lines are rows of the sheet. */
const rows = (table: readonly (readonly string[])[], first = 1) =>
  table.map((cells, i) => [first + i, ...cells]);
const book = (...parts: Parameters<typeof workbook>) => zip(workbook(...parts));
const people3 = [
  ['email', 'name'],
  ['a@example.com', 'Zoë & Co <x>'],
  ['b@example.com', 'two\nlines'],
];
write('plain.xlsx', book([{ name: 'People', xml: sheetXml(people3) }]), {
  about: 'texts, one with a line end',
  dialect: { sheet: 'People' },
  records: rows(people3),
});
write(
  'shared-strings.xlsx',
  book([{ name: 'People', xml: sheetXml(people3, { shared: true }) }], people3.flat()),
  { about: 'shared strings', dialect: { sheet: 'People' }, records: rows(people3) },
);
write(
  'two-sheets.xlsx',
  book([
    {
      name: 'Hidden',
      xml: sheetXml([
        ['x', 'y'],
        ['1', '2'],
      ]),
      hidden: true,
    },
    { name: 'Shown', xml: sheetXml(people3) },
    { name: 'Third', xml: sheetXml([['z']]) },
  ]),
  { about: 'the first sheet that is not hidden', dialect: { sheet: 'Shown' }, records: rows(people3) },
);
const cells = (xml: string) =>
  `<row r="1"><c r="A1" t="inlineStr"><is><t>email</t></is></c><c r="B1" t="inlineStr"><is><t>v</t></is></c></row><row r="2"><c r="A2" t="inlineStr"><is><t>a@example.com</t></is></c>${xml}</row>`;
const STYLED: [name: string, about: string, cell: string, shown: string][] = [
  ['date', 'a date', '<c r="B2" s="1"><v>45291</v></c>', '2023-12-31'],
  ['date-time', 'a date with a time', '<c r="B2" s="2"><v>45291.75</v></c>', '2023-12-31 18:00:00'],
  ['time', 'a time', '<c r="B2" s="3"><v>0.5</v></c>', '12:00:00'],
  ['leading-zeros', 'a number shown with leading zeros', '<c r="B2" s="4"><v>1234</v></c>', '01234'],
  [
    'long-number',
    'a phone number kept as a number',
    '<c r="B2"><v>4.917012345678E+11</v></c>',
    '491701234567.8',
  ],
  ['phone', 'a phone number of 12 digits', '<c r="B2"><v>491701234567</v></c>', '491701234567'],
  ['decimals', 'a number with two decimals', '<c r="B2" s="5"><v>12.5</v></c>', '12.50'],
  ['float', 'a sum that is not what it seems', '<c r="B2"><v>0.30000000000000004</v></c>', '0.3'],
  ['percent', 'percent', '<c r="B2" s="6"><v>0.125</v></c>', '12.5%'],
  ['boolean', 'a switch', '<c r="B2" t="b"><v>1</v></c>', 'TRUE'],
  [
    'formula',
    'what a formula gave',
    '<c r="B2" t="str"><f>A2&amp;"x"</f><v>a@example.comx</v></c>',
    'a@example.comx',
  ],
  ['ssn', 'digits with dashes', '<c r="B2" s="7"><v>12345678</v></c>', '012-34-5678'],
];
for (const [name, about, xml, shown] of STYLED) {
  write(`cell-${name}.xlsx`, book([{ name: 'S', xml: cells(xml) }]), {
    about: `a cell with ${about}`,
    dialect: { sheet: 'S' },
    records: [
      [1, 'email', 'v'],
      [2, 'a@example.com', shown],
    ],
  });
}
write('cell-error.xlsx', book([{ name: 'S', xml: cells('<c r="B2" t="e"><v>#N/A</v></c>') }]), {
  about: 'an error is no value',
  dialect: {},
  records: [
    [1, 'email', 'v'],
    [2, 'a@example.com', ''],
  ],
});
write('date-1904.xlsx', book([{ name: 'S', xml: cells('<c r="B2" s="1"><v>43829</v></c>') }], [], true), {
  about: 'dates counted from 1904',
  dialect: {},
  records: [
    [1, 'email', 'v'],
    [2, 'a@example.com', '2023-12-31'],
  ],
});
write(
  'blank-rows.xlsx',
  book([
    {
      name: 'S',
      xml: '<row r="3"><c r="B3" t="inlineStr"><is><t>email</t></is></c><c r="C3" t="inlineStr"><is><t>v</t></is></c></row><row r="7"><c r="B7" t="inlineStr"><is><t>a@example.com</t></is></c></row>',
    },
  ]),
  {
    about: 'rows and a column that nobody filled',
    dialect: {},
    records: [
      [3, '', 'email', 'v'],
      [7, '', 'a@example.com'],
    ],
  },
);
write(
  'title-rows.xlsx',
  book([
    {
      name: 'S',
      xml: sheetXml([
        ['Contacts of 2024'],
        [],
        ['email', 'name', 'city'],
        ['a@example.com', 'Ann', 'Bath'],
        ['b@example.com', 'Bob', 'York'],
      ]),
    },
  ]),
  {
    about: 'a title above the header',
    dialect: { skipLines: 2 },
    records: [
      [3, 'email', 'name', 'city'],
      [4, 'a@example.com', 'Ann', 'Bath'],
      [5, 'b@example.com', 'Bob', 'York'],
    ],
  },
);
