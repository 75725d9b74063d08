/** Why a TLS connection was refused, in words. */

const OF_CERTIFICATES = /CERT|SELF_SIGNED|LEAF_SIGNATURE|CRL|HOSTNAME_MISMATCH/;

/** What follows "…: "; undefined when `code` is not about a certificate. */
export function certificateFault(code: string | undefined): string | undefined {
  if (code === undefined || !OF_CERTIFICATES.test(code)) return undefined;
  // An alert is what the other side says of ours.
  if (code.includes('_ALERT_')) return 'it asks for a TLS certificate of its clients, and rowferry has none';
  if (code === 'CERT_HAS_EXPIRED') return 'its TLS certificate has expired';
  if (/ALTNAME|HOSTNAME/.test(code)) return 'its TLS certificate is that of another host';
  return `its TLS certificate is not trusted (${code.toLowerCase()}; an authority of your own is named by NODE_EXTRA_CA_CERTS)`;
}
