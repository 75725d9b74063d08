/** How `report.html` looks, on a screen and on paper. */
export const STYLE = `
:root{--ground:#fff;--text:#19212e;--muted:#535e70;--line:#dde2ea;--created:#1e8a55;--updated:#2b7bc9;--skipped:#d5a021;--failed:#c42f49;--unprocessed:#aab3c2;--good:#e6f5ec;--warn:#fdf5df;--bad:#fdecef}
@media (prefers-color-scheme:dark) and (not print){:root{--ground:#0f131a;--text:#e6eaf1;--muted:#a2adbf;--line:#2a3341;--created:#3fb37a;--updated:#5aa3ea;--skipped:#d9b045;--failed:#f0697f;--unprocessed:#5d6879;--good:#16301f;--warn:#342c18;--bad:#3a1f27}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:920px;margin:0 auto;padding:2rem 1.2rem 3rem}
h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2rem 0 .6rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.2rem 0 .2rem}
h3 .muted{font-weight:400}
p{margin:.3rem 0}
code,pre{font:.88em ui-monospace,Menlo,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
pre{white-space:pre-wrap;padding:.7rem;border:1px solid var(--line);border-radius:8px}
.muted{color:var(--muted)}
.verdict{margin:1.2rem 0 0;padding:.8rem 1.1rem;border-radius:10px;font-size:1.08rem;font-weight:600;overflow-wrap:anywhere}
.good{background:var(--good)}.warn{background:var(--warn)}.bad{background:var(--bad)}
.bar{display:flex;height:18px;border-radius:99px;overflow:hidden;background:var(--line)}
.bar span{min-width:2px}
.bar .created,.dot.created{background:var(--created)}.bar .updated,.dot.updated{background:var(--updated)}
.bar .skipped,.dot.skipped{background:var(--skipped)}.bar .failed,.dot.failed{background:var(--failed)}
.bar .unprocessed,.dot.unprocessed{background:var(--unprocessed)}
.dot{display:inline-block;width:.65rem;height:.65rem;border-radius:3px;margin-right:.45rem}
dl,dd{margin:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(7rem,1fr));gap:.8rem;margin-top:1rem}
.tiles div{padding-left:.7rem;border-left:3px solid var(--line)}
.tiles .created{border-color:var(--created)}.tiles .updated{border-color:var(--updated)}.tiles .skipped{border-color:var(--skipped)}
.tiles .failed{border-color:var(--failed)}.tiles .unprocessed{border-color:var(--unprocessed)}
.tiles dt,.facts dt{color:var(--muted)}
.tiles dd{font-size:1.35rem;font-weight:600}
.facts div{display:grid;grid-template-columns:minmax(9rem,17rem) 1fr;gap:1rem;padding:.2rem 0}
.facts dd{overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{font-weight:400;color:var(--muted);font-size:.85rem}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
svg{display:block;width:100%;height:auto;margin-top:.6rem}
svg text{fill:var(--muted);font-size:11px}
.axis{stroke:var(--line)}.area{fill:var(--created);opacity:.15}.line{fill:none;stroke:var(--created);stroke-width:1.8}
footer{margin-top:2.5rem;padding-top:.8rem;border-top:1px solid var(--line);font-size:.88rem}
@media print{body{font-size:11pt}main{max-width:none;padding:0}article,.tiles,svg,tr{break-inside:avoid}.bar,.verdict,.dot{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;
