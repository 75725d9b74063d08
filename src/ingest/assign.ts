/** Decides where every column goes: rules first, then names, aliases, the preset, and the place for further fields. */
import type { Destination } from '../destinations/destination.js';
import { type MappingSpec, type Rule, rulesOf, TYPES, typeOf, type ValueType } from '../mapping.js';
import { type Treatment, treatmentOf } from './convert.js';
import { type MappingFaults, quoted } from './faults.js';
import { Fields, Places, plain, type Target } from './fields.js';
import { choosePreset, NAME_MEANING, NAME_PARTS, type Preset } from './presets.js';
import type { BoundRule, Column } from './rules.js';

export interface AssignedColumn extends Column {
  /** The header without its type. */
  name: string;
  target?: Target;
  treatment?: Treatment;
  /** A rule uses the column: `moved` to a field of the rule's choice, or `read` among others. */
  used?: 'moved' | 'read';
}

/** The rules of one field, of which the first that has a value fills it. */
export interface FieldRules {
  target: Target;
  rules: BoundRule[];
}

/** Columns that rowferry adds to `failed.csv` and `skipped.csv`; ignored when such a file is dropped again. */
const OWN_COLUMNS = /^rowferry_/;
const TYPED_HEADER = new RegExp(`^(.*\\S)\\s*:\\s*(${TYPES.join('|')})$`, 'i');

export class Assignment {
  readonly columns: AssignedColumn[];
  readonly rules: FieldRules[] = [];
  readonly warnings: string[] = [];
  private readonly fields: Fields;
  private readonly taken = new Set<string>();
  private readonly places = new Places();

  private constructor(
    private readonly destination: Destination,
    private readonly spec: MappingSpec,
    private readonly nowMs: number,
    private readonly faults: MappingFaults,
    private readonly header: readonly string[],
  ) {
    this.fields = new Fields(destination);
    this.columns = header.map(toColumn);
  }

  /** Faults of the mapping go to `faults`; what is then returned is of no use. `nowMs` is the `$now()` of expressions. */
  static async make(
    header: readonly string[],
    destination: Destination,
    spec: MappingSpec,
    nowMs: number,
    faults: MappingFaults,
  ): Promise<Assignment> {
    const assignment = new Assignment(destination, spec, nowMs, faults, header);
    for (const [field, rule] of Object.entries(spec.map ?? {})) {
      await assignment.bind(field, rulesOf(rule));
    }
    assignment.claimByName();
    assignment.claimByPreset();
    assignment.placeTheRest();
    assignment.warnOfShared();
    return assignment;
  }

  /** Everything that is filled. */
  get targets(): Target[] {
    const ofColumns = this.columns.flatMap(({ target }) => (target === undefined ? [] : [target]));
    return [...this.rules.map(({ target }) => target), ...ofColumns];
  }

  private async bind(field: string, rules: Rule[]): Promise<void> {
    const target = this.fieldOf(field, rules);
    const bound: BoundRule[] = [];
    for (const rule of rules) bound.push(await this.bindRule(field, rule));
    if (target === undefined) return;
    if (target.kind !== 'object') {
      if (this.places.clash(target.path)) {
        this.faults.add('MAPPING_INVALID', `map.${field}: another rule fills it, or something inside it.`);
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
      for (const column of columns as AssignedColumn[]) {
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
    this.faults.add(
      'MAP_FIELD_UNKNOWN',
      `map names the field "${field}", which ${this.destination.kind} does not have.`,
      `Fields: ${this.fields.list()}.`,
    );
    return undefined;
  }

  private async bindRule(field: string, rule: Rule): Promise<BoundRule> {
    const columns: AssignedColumn[] = [];
    for (const name of rule.columns ?? (rule.column === undefined ? [] : [rule.column])) {
      const column = this.find(name);
      if (column !== undefined) columns.push(column);
      else {
        const sentence = `map.${field} names the column "${name}", which the header does not have.`;
        this.faults.add('MAP_COLUMN_UNKNOWN', sentence, `The header has: ${quoted(this.header)}.`);
      }
    }
    if (rule.jsonata === undefined) return { rule, columns };
    const { compileExpression } = await import('./expression.js');
    try {
      const expression = compileExpression(rule.jsonata, this.nowMs);
      const read = this.columns.filter(({ header }) => expression.names.has(header));
      return { rule, columns: read, expression };
    } catch (error) {
      this.faults.add('MAPPING_INVALID', `map.${field}: ${(error as Error).message}.`);
      return { rule, columns };
    }
  }

  /** Written as in the header beats alike: `email` and `E-mail` may both be columns. */
  private find(name: string): AssignedColumn | undefined {
    const among = (alike: (column: AssignedColumn) => boolean) => {
      const found = this.columns.filter(alike);
      return found.find(({ used }) => used === undefined) ?? found[0];
    };
    return (
      among(({ header }) => header === name) ??
      among((column) => column.name === name) ??
      among(({ header }) => plain(header) !== '' && plain(header) === plain(name)) ??
      among((column) => plain(column.name) !== '' && plain(column.name) === plain(name))
    );
  }

  /** A field goes to the first column that claims it by its own name, else by an alias. */
  private claimByName(): void {
    for (const exact of [true, false]) {
      for (const column of this.free()) {
        const target = this.fields.meant(column.name);
        if (target === undefined || this.isTaken(target)) continue;
        if (exact === (plain(column.name) === plain(target.field))) this.claim(column, target);
      }
    }
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
    filled.push(...this.joinName());
    this.readLists(preset);
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

  private readLists({ lists = {} }: Preset): void {
    for (const [header, split] of Object.entries(lists)) {
      const column = this.columns.find(
        ({ name, used, target }) =>
          used === undefined && target?.kind === 'list' && plain(name) === plain(header),
      );
      if (column !== undefined) column.treatment = { ...column.treatment, split };
    }
  }

  private placeTheRest(): void {
    const lost: string[] = [];
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
      if (inside === undefined) this.warnOfTwin(column);
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

  private warnOfTwin({ name, header, target }: AssignedColumn): void {
    const twin = this.fields.meant(name);
    if (twin === undefined || !this.taken.has(twin.field) || target === undefined) return;
    this.warnings.push(
      `Column "${header}" also looks like ${twin.field}, which another column fills; it goes to ${target.path.slice(0, -1).join('.') || target.field}.`,
    );
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

function toColumn(text: string, index: number): AssignedColumn {
  const header = text.trim();
  const [, name, type] = TYPED_HEADER.exec(header) ?? [];
  if (name === undefined) return { index, header, name: header };
  return { index, header, name, type: type!.toLowerCase() as ValueType };
}

/** The column that alone fills the field from its cell, if no more is asked for. */
function simpleColumn(bound: BoundRule[]): AssignedColumn | undefined {
  const [first] = bound;
  if (bound.length !== 1 || first?.rule.column === undefined) return undefined;
  const column = first.columns[0] as AssignedColumn | undefined;
  const { rule } = first;
  return column?.target === undefined && rule.default === undefined && rule.trim !== false
    ? column
    : undefined;
}
