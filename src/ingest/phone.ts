/** Reads phone numbers as people write them; gives E.164 or a part of it. */
import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import type { Rule } from '../mapping.js';
import { type Convert, Unfit } from './unfit.js';

/** `country` is that of numbers which tell none. Throws the end of a sentence for a country that there is none. */
export function phoneReader(country: string | undefined, part: Rule['part'] = 'e164'): Convert {
  if (country !== undefined && !isSupportedCountry(country)) {
    throw new Error(`country "${country}" is none; write it like GB`);
  }
  const options = { extract: false, ...(country === undefined ? {} : { defaultCountry: country }) };
  const international = 'one that begins with + and the country code';
  const unfit = new Unfit(
    'invalid_phone',
    country === undefined
      ? `a phone number, ${international} (or give the rule a country)`
      : `a phone number of ${country}, or ${international}`,
  );
  return (text) => {
    const phone = parsePhoneNumberFromString(text, options);
    // Possible, not valid: countries open new ranges faster than anybody's list of them.
    if (phone === undefined || !phone.isPossible()) return unfit;
    if (part === 'countrycode') return phone.countryCallingCode;
    return part === 'national' ? phone.nationalNumber : phone.number;
  };
}
