/** Exports of well-known programs, recognised by their headers; what their columns mean in other words. */
import type { PresetName } from '../mapping.js';
import { plain } from './fields.js';

export interface Preset {
  name: PresetName;
  title: string;
  /** One header of each group must be there. */
  told: readonly (readonly string[])[];
  /** Header → names by which destinations know the same thing; of columns with the same meaning the first one counts. */
  columns: readonly (readonly [header: string, meaning: readonly string[]])[];
  /** How a header's lists are written, where it is not the usual way. */
  lists?: Readonly<Record<string, (cell: string) => string[]>>;
}

const EMAIL = ['email'];
const PHONE = ['phone', 'phone number', 'mobile'];
const ID = ['external id', 'user id', 'id'];
const COMPANY = ['company', 'company name', 'organization'];
const JOB = ['job title'];
const FIRST = ['first name'];
const LAST = ['last name'];
const FULL = ['full name', 'name'];
const TAGS = ['tags'];

const separated = (by: string) => (cell: string) => cell.split(by);

export const KNOWN: readonly Preset[] = [
  {
    name: 'hubspot',
    title: 'HubSpot',
    told: [
      ['Record ID', 'Record ID - Contact'],
      ['Lifecycle Stage', 'Contact owner', 'Marketing contact status', 'Last Activity Date', 'Create Date'],
    ],
    columns: [
      ['Record ID', ID],
      ['Record ID - Contact', ID],
      ['Phone Number', PHONE],
      ['Mobile Phone Number', PHONE],
      ['Company Name', COMPANY],
      ['Associated Company', COMPANY],
      ['Job Title', JOB],
    ],
  },
  {
    name: 'salesforce',
    title: 'Salesforce',
    // Reports write "Account Name", the data export AccountName: they are compared alike.
    told: [
      ['ContactId', 'LeadId', 'Id'],
      ['AccountName', 'AccountId', 'ContactOwner', 'LeadOwner', 'OwnerId', 'SystemModstamp'],
      ['MailingStreet', 'MailingCity', 'MailingCountry', 'LeadSource', 'LeadStatus', 'IsDeleted'],
    ],
    columns: [
      ['ContactId', ID],
      ['LeadId', ID],
      ['Id', ID],
      ['Mobile', PHONE],
      ['Mobile Phone', PHONE],
      ['Phone', PHONE],
      ['Account Name', COMPANY],
      ['Company / Account', COMPANY],
      ['Title', JOB],
    ],
  },
  {
    name: 'google',
    title: 'Google Contacts',
    told: [
      ['E-mail 1 - Value'],
      ['E-mail 1 - Label', 'E-mail 1 - Type', 'Phone 1 - Value', 'Group Membership', 'Organization Name'],
    ],
    columns: [
      ['E-mail 1 - Value', EMAIL],
      ['Given Name', FIRST],
      ['Family Name', LAST],
      ['Phone 1 - Value', PHONE],
      ['Organization Name', COMPANY],
      ['Organization 1 - Name', COMPANY],
      ['Organization Title', JOB],
      ['Organization 1 - Title', JOB],
      ['Labels', TAGS],
      ['Group Membership', TAGS],
    ],
    lists: { Labels: separated(':::'), 'Group Membership': separated(':::') },
  },
  {
    name: 'outlook',
    title: 'Outlook',
    told: [
      ['E-mail Address'],
      ['E-mail Display Name', 'E-mail 2 Address', 'Business Street', 'Home Street', 'Other Street'],
    ],
    columns: [
      ['E-mail Address', EMAIL],
      ['Mobile Phone', PHONE],
      ['Business Phone', PHONE],
      ['Home Phone', PHONE],
      ['Company', COMPANY],
      ['Job Title', JOB],
      ['Categories', TAGS],
    ],
    lists: { Categories: separated(';') },
  },
  {
    name: 'mailchimp',
    title: 'Mailchimp',
    told: [['Email Address'], ['MEMBER_RATING', 'LEID', 'EUID', 'OPTIN_TIME', 'CONFIRM_TIME']],
    columns: [
      ['Email Address', EMAIL],
      ['Phone Number', PHONE],
      ['TAGS', TAGS],
    ],
    // "gold","new, 2024"
    lists: { TAGS: (cell) => (cell.match(/"[^"]*"|[^",]+/g) ?? []).map((tag) => tag.replaceAll('"', '')) },
  },
];

/** Columns of whichever of these that make a name together, for a destination that wants it in one. */
export const NAME_PARTS: readonly (readonly string[])[] = [
  ['First Name', 'Given Name'],
  ['Last Name', 'Family Name'],
];
export const NAME_MEANING = FULL;

/** The preset that is asked for, or the one whose headers these are. */
export function choosePreset(
  header: readonly string[],
  asked: PresetName | 'none' | undefined,
): Preset | undefined {
  if (asked !== undefined) return KNOWN.find(({ name }) => name === asked);
  const names = new Set(header.map(plain));
  return KNOWN.find(({ told }) => told.every((group) => group.some((name) => names.has(plain(name)))));
}
