/** Decides where every column goes: rules first, then names, aliases, the preset, and the place for further fields. */
import type { Destination } from '../destinations/destination.js';
import { type MappingSpec, type Rule, rulesOf, typeCalled, typeOf } from '../mapping.js';
import { didYouMean } from '../spelling.js';
import { type AssignedColumn, bindRule, type FoundRule, looksLikeRow, readHeader } from './columns.js';
import { isEmail, treatmentOf } from './convert.js';
import { findByContent, fullest, refuseContent, type Sample } from './email-column.js';
import { type MappingFaults, quoted } from './faults.js';
import { Fields, Places, plain, type Target } from './fields.js';
import { choosePreset, NAME_MEANING, NAME_PARTS, type Preset } from './presets.js';

/** The rules of one field, of which the first that has a value fills it. */
export interface FieldRules {
  target: Target;
  rules: FoundRule[];
}

/** Columns that rowferry adds to `failed.csv` and `skipped.csv`; ignored when such a file is dropped again. */
const OWN_COLUMNS = /^rowferry_/;

/** Where each column and each rule of a mapping goes, for one header and one destination. */
export class Assignment {
  readonly columns: AssignedColumn[];
  readonly rules: FieldRules[] = [];
  readonly warnings: string[] = [];
  /** Columns of e-mail addresses, when none of them fills the field. */
  addresses: readonly AssignedColumn[] = [];
  private readonly fields: Fields;
  private readonly taken = new Set<string>();
  private readonly places = new Places();

  private constructor(
    private readonly destination: Destination,
    private readonly spec: MappingSpec,
    private readonly nowMs: number,
    private readonly faults: MappingFaults,
    header: readonly string[],
    private readonly sample: Sample,
  ) {
    this.fields = new Fields(destination);
    this.columns = header.map(readHeader);
  }

  /** Faults of the mapping go to `faults`; what is then returned is of no use. `nowMs` is the `$now()` of expressions. */
  static async make(
    header: readonly string[],
    destination: Destination,
    spec: MappingSpec,
    nowMs: number,
    faults: MappingFaults,
    sample: Sample = [],
  ): Promise<Assignment> {
    const assignment = new Assignment(destination, spec, nowMs, faults, header, sample);
    for (const [field, rule] of Object.entries(spec.map ?? {})) {
      await assignment.bind(field, rulesOf(rule));
    }
    assignment.claimByName();
    assignment.claimByPreset();
    assignment.claimByContent();
    assignment.placeTheRest();
    assignment.warnOfShared();
    assignment.warnOfTypes();
    return assignment;
  }

  /** Everything that is filled. */
  get targets(): Target[] {
    const ofColumns = this.columns.flatMap(({ target }) => (target === undefined ? [] : [target]));
    return [...this.rules.map(({ target }) => target), ...ofColumns];
  }

  private async bind(field: string, rules: Rule[]): Promise<void> {
    const target = this.fieldOf(field, rules);
    const bound: FoundRule[] = [];
    for (const rule of rules) bound.push(await bindRule(field, rule, this.columns, this.nowMs, this.faults));
    if (target === undefined) return;
    if (target.kind !== 'object') {
      if (this.places.clash(target.path)) {
        const sentence = `map.${field}: another rule fills it, or something inside it.`;
        this.faults.add('MAPPING_INVALID', sentence, undefined, field);
      }
      this.places.add(target.path);
    }
    this.taken.add(target.field);
    const column = simpleColumn(bound);
    if (column === undefined) {
      this.rules.push({ target, rules: bound });
    } else {
      column.target = target;
      column.treatment = treatmentOf(rules[0]!, column.type);
    }
    for (const { rule, columns } of bound) {
      for (const column of columns) {
        if (rule.column !== undefined) column.used = 'moved';
        else column.used ??= 'read';
      }
    }
  }

  private fieldOf(field: string, rules: Rule[]): Target | undefined {
    const target = this.fields.named(field);
    // An object is filled by names inside it, or as a whole by what can be one.
    const whole = (rule: Rule) =>
      rule.value !== undefined || rule.jsonata !== undefined || typeOf(rule) === 'json';
    if (target !== undefined && (target.kind !== 'object' || rules.every(whole))) return target;
    const columns = rules.flatMap((rule) => rule.columns ?? rule.column ?? []);
    const sends = columns.length === 0 ? 'names' : `sends ${quoted(columns)} to`;
    this.faults.add(
      'MAP_FIELD_UNKNOWN',
      `map ${sends} the field "${field}", which ${this.destination.kind} does not have.${didYouMean(field, this.fields.names())}`,
      `Fields: ${this.fields.list()}.`,
      field,
    );
    return undefined;
  }

  /** A field goes to the first column that claims it by its own name, else by an alias. */
  private claimByName(): void {
    this.claimFullest();
    for (const exact of [true, false]) {
      for (const column of this.free()) {
        const target = this.fields.meant(column.name);
        if (target === undefined || this.isTaken(target)) continue;
        if (exact === (plain(column.name) === plain(target.field))) this.claim(column, target);
      }
    }
  }

  /** Several columns may be the e-mail address by their names; an empty one is not, whatever it is called. */
  private claimFullest(): void {
    const target = this.emailTarget();
    if (target === undefined) return;
    const exactly = (column: AssignedColumn) => plain(column.name) === plain(target.field);
    const claiming = this.free().filter(({ name }) => this.fields.meant(name)?.field === target.field);
    const inOrder = [...claiming.filter(exactly), ...claiming.filter((column) => !exactly(column))];
    const chosen = fullest(inOrder, this.sample);
    if (chosen === undefined) return;
    this.claim(chosen, target);
    if (chosen === inOrder[0]) return;
    this.warnings.push(
      `Column "${chosen.header}" fills email: the first rows of "${inOrder[0]!.header}" hold no address.`,
    );
  }

  /** Whatever its name is, a column of addresses may be meant; one that holds none is not. */
  private claimByContent(): void {
    const free = this.free().filter(({ used }) => used === undefined);
    const { chosen, found } = findByContent(free, this.sample);
    const filling = this.columns.find(({ target }) => target && isEmail(target) && target.field === 'email');
    const target = this.emailTarget();
    if (filling !== undefined) {
      const sentence = refuseContent(filling, found, this.sample);
      if (sentence !== undefined) this.faults.add('EMAIL_COLUMN_WRONG', sentence);
    } else if (target !== undefined && !looksLikeRow(this.columns.map(({ header }) => header))) {
      if (chosen === undefined) this.addresses = found;
      else {
        this.claim(chosen, target);
        this.warnings.push(`Column "${chosen.header}" fills email: it is the one that holds addresses.`);
      }
    }
  }

  /** The field of the contact's own address, while nothing fills it. */
  private emailTarget(): Target | undefined {
    const target = this.fields.meant('email');
    return target && isEmail(target) && !this.isTaken(target) ? target : undefined;
  }

  private claimByPreset(): void {
    const preset = choosePreset(
      this.columns.map(({ name }) => name),
      this.spec.preset,
    );
    if (preset === undefined) return;
    const filled: string[] = [];
    for (const [header, meaning] of preset.columns) {
      const column = this.free().find(({ name }) => plain(name) === plain(header));
      const target = column && this.meantBy(meaning);
      if (target === undefined) continue;
      this.claim(column!, target);
      filled.push(`"${column!.header}" fills ${target.field}`);
    }
    filled.push(...this.joinName(), ...this.readLists(preset));
    if (filled.length > 0 && this.spec.preset === undefined) {
      this.warnings.push(
        `The header is that of a ${preset.title} export: ${filled.join(', ')} (preset: none turns this off).`,
      );
    }
  }

  private meantBy(meaning: readonly string[]): Target | undefined {
    const targets = meaning.map((name) => this.fields.meant(name));
    return targets.find((target) => target !== undefined && !this.isTaken(target));
  }

  /** A destination that wants the name in one piece gets it from the two that exports have. */
  private joinName(): string[] {
    const target = this.meantBy(NAME_MEANING);
    const columns = NAME_PARTS.map((part) =>
      this.free().find(({ name }) => part.some((header) => plain(header) === plain(name))),
    ).filter((column) => column !== undefined);
    if (target === undefined || columns.length < NAME_PARTS.length) return [];
    this.taken.add(target.field);
    this.places.add(target.path);
    this.rules.push({ target, rules: [{ rule: { join: ' ' }, columns }] });
    for (const column of columns) column.used = 'read';
    return [`${columns.map(({ header }) => `"${header}"`).join(' and ')} fill ${target.field}`];
  }

  private readLists({ lists = {}, title }: Preset): string[] {
    return Object.entries(lists).flatMap(([header, split]) => {
      const column = this.columns.find(
        ({ name, used, target }) =>
          used !== 'moved' && target?.kind === 'list' && plain(name) === plain(header),
      );
      if (column === undefined) return [];
      column.treatment = { ...column.treatment, split };
      return [`"${column.header}" is split as ${title} writes it`];
    });
  }

  private placeTheRest(): void {
    const lost: string[] = [];
    const unknown: string[] = [];
    const { unmapped } = this.spec;
    const place = this.destination.unmapped;
    if (unmapped === 'custom_fields' && place === null) {
      const sentence = `unmapped: ${this.destination.kind} has no place for columns that no field knows; say ignore or error.`;
      this.faults.add('MAPPING_INVALID', sentence);
    }
    const drop = unmapped === 'ignore' || unmapped === 'error' || place === null;
    for (const column of this.free()) {
      if (column.used === 'read') continue;
      const inside = this.fields.inside(column.name);
      const target = inside ?? (drop ? undefined : this.placeFor(column));
      if (target !== undefined) this.give(column, target);
      else if (unmapped !== 'ignore') lost.push(column.header);
      if (inside === undefined && !this.warnOfTwin(column) && target !== undefined) {
        unknown.push(column.header);
      }
    }
    if (unknown.length > 0 && unmapped === undefined) {
      const where = place === 'contact' ? '' : ` in ${place}`;
      this.warnings.push(
        `Sent${where} by their own names, because no field knows them: ${quoted(unknown)} (unmapped: ignore leaves them out).`,
      );
    }
    if (lost.length === 0) return;
    if (unmapped === 'error') {
      const sentence = `unmapped: error, and no field knows ${quoted(lost)}.`;
      this.faults.add('UNMAPPED_COLUMNS', sentence, 'Name them in map, or say unmapped: ignore.');
    } else if (drop) {
      this.warnings.push(
        `Not sent, because no field of ${this.destination.kind} knows them: ${quoted(lost)}.`,
      );
    } else {
      this.warnings.push(`Not sent, because another column fills the same field: ${quoted(lost)}.`);
    }
  }

  /** An API that takes any name: one that another column has taken already is not overwritten. */
  private placeFor(column: AssignedColumn): Target | undefined {
    const target = this.fields.unknown(column.name)!;
    if (this.destination.unmapped !== 'contact' || !this.places.clash(target.path)) return target;
    const literal: Target = { ...target, path: [target.field] };
    return this.places.clash(literal.path) ? undefined : literal;
  }

  private warnOfTwin({ name, header, target }: AssignedColumn): boolean {
    const twin = this.fields.meant(name);
    if (twin === undefined || !this.taken.has(twin.field) || target === undefined) return false;
    this.warnings.push(
      `Column "${header}" also looks like ${twin.field}, which another column fills; it goes to ${target.path.slice(0, -1).join('.') || target.field}.`,
    );
    return true;
  }

  /** A cell that another column overwrites must not get lost without a word. */
  private warnOfShared(): void {
    const sharing = new Map<string, number>();
    for (const { field } of this.targets) sharing.set(field, (sharing.get(field) ?? 0) + 1);
    for (const [field, columns] of sharing) {
      if (columns === 1) continue;
      this.warnings.push(
        `${columns} columns go to ${field}; of each row the last cell that is not blank is sent.`,
      );
    }
  }

  private warnOfTypes(): void {
    for (const { name, header } of this.columns) {
      const [, before, word = ''] = /^(.*\S):(\w+)$/.exec(name) ?? [];
      const type = typeCalled(word);
      if (type === undefined) continue;
      this.warnings.push(
        `Column "${header}" goes by its whole name: "${word}" is no type; "${before}:${type}" would ask for one.`,
      );
    }
  }

  private free(): AssignedColumn[] {
    return this.columns.filter(
      ({ name, target, used }) =>
        target === undefined && used !== 'moved' && name !== '' && !OWN_COLUMNS.test(name),
    );
  }

  private claim(column: AssignedColumn, target: Target): void {
    this.taken.add(target.field);
    this.give(column, target);
  }

  private isTaken(target: Target): boolean {
    return this.taken.has(target.field) || this.places.clash(target.path);
  }

  private give(column: AssignedColumn, target: Target): void {
    this.places.add(target.path);
    column.target = target;
    column.treatment = { type: column.type };
  }
}

/** The column that alone fills the field from its cell, if no more is asked for. */
function simpleColumn(bound: FoundRule[]): AssignedColumn | undefined {
  const [first] = bound;
  if (bound.length !== 1 || first?.rule.column === undefined) return undefined;
  const column = first.columns[0];
  const { rule } = first;
  return column?.target === undefined && rule.default === undefined && rule.trim !== false
    ? column
    : undefined;
}
