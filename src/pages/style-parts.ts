/** What stands on the page: results, guides, lists. */
export const PARTS = `
.facts{display:flex;flex-wrap:wrap;gap:1rem 3rem;background:var(--sheet);border:1px solid var(--line);border-radius:.8rem;padding:1.25rem}
.facts div{min-width:0}
.facts .wide{flex:1 0 100%}
dt{font-size:.8125rem;color:var(--soft)}
dd{overflow-wrap:anywhere}
h2.name{font-size:clamp(1.25rem,1rem + 1.6vw,1.75rem);letter-spacing:-.03em}
dd code,.own code{font-size:.875rem;overflow-wrap:anywhere}
.copy{display:inline-flex;gap:.35rem;align-items:center;padding:.15rem .55rem;margin-left:.6rem;font-size:.8125rem;line-height:1.5;border-color:var(--line);border-radius:.4rem;color:var(--soft);background:var(--sheet);white-space:nowrap;vertical-align:.05em}
.copy[hidden]{display:none}
.copy:hover{color:var(--ink)}
.copy svg{width:.9rem;height:.9rem;fill:none;stroke:currentColor;stroke-width:1.3;stroke-linejoin:round}
.copy.done{color:var(--accent-ink);border-color:var(--accent)}
.platform{background:var(--sheet);border:1px solid var(--line);border-bottom-width:0}
.platform:first-of-type{border-radius:.8rem .8rem 0 0}
.platform:last-of-type{border-bottom-width:1px;border-radius:0 0 .8rem .8rem}
.platform:first-of-type:last-of-type{border-radius:.8rem}
.platform>summary{display:grid;grid-template-columns:1.2rem minmax(9rem,2fr) repeat(3,minmax(4.5rem,1fr));gap:.25rem 1rem;align-items:baseline;padding:.8rem 1.25rem;cursor:pointer;list-style:none;border-radius:inherit;font-variant-numeric:tabular-nums}
summary::-webkit-details-marker{display:none}
.platform>summary::before{content:"";width:.45rem;height:.45rem;border:solid var(--soft);border-width:0 .12rem .12rem 0;transform:rotate(-45deg);align-self:center;transition:transform .15s}
[open].platform>summary::before{transform:rotate(45deg)}
.platform>summary:hover{background:var(--tint)}
.platform>summary span:nth-child(n+2){color:var(--soft);font-size:.9375rem}
.platform>summary span:last-child{text-align:right}
.platform>summary .name{font-weight:600;overflow-wrap:anywhere}
.platform~.aside{margin-top:.75rem}
.gauges .aside{display:block}
.inside{padding:0 1.25rem 1.25rem}
.own{padding:.25rem 0 1rem;color:var(--soft);font-size:.8125rem}
.own code{color:var(--ink)}
table{width:100%;border-collapse:collapse;font-size:.9rem}
th{text-align:left;font-weight:400;font-size:.8125rem;color:var(--soft)}
th,td{padding:.5rem 1rem .5rem 0;border-top:1px solid var(--line);vertical-align:top}
td:first-child{color:var(--soft);width:3rem}
td:last-child,th:last-child{padding-right:0}
.size{width:7.5rem;font-variant-numeric:tabular-nums}
.made{display:block;font-size:.8125rem;overflow-wrap:anywhere;white-space:pre-wrap}
.long summary{cursor:pointer;list-style:none}
.long summary .made{text-decoration:underline dotted var(--edge);text-underline-offset:.25em}
.long[open] summary .made{display:none}
.long[open] summary::before{content:"−";color:var(--soft);font-size:.8125rem}
.made~.digest,td .aside{display:block}
td .aside{overflow-wrap:anywhere}
.digest{font-size:.8125rem;color:var(--soft)}
.bar{display:block;width:100%;max-width:12rem;height:.25rem;margin-top:.3rem;border-radius:1rem;overflow:hidden;fill:var(--accent)}
.bar .rail{fill:var(--line)}
.tabs{display:flex;flex-wrap:wrap;gap:.4rem}
.tabs legend{margin-bottom:.5rem;padding:0}
.tabs input{position:absolute;opacity:0;width:1px;height:1px}
.tabs label{order:0;padding:.4rem .9rem;border:1px solid var(--line);border-radius:2rem;background:var(--sheet);font-size:.9375rem;cursor:pointer}
.tabs label:hover{border-color:var(--accent)}
.tabs input:checked+label{background:var(--accent);border-color:var(--accent);color:var(--on-accent);font-weight:600}
.tabs input:focus-visible+label{outline:3px solid var(--accent);outline-offset:2px}
.panel{display:none;order:1;flex:1 0 100%;min-width:0;max-width:100%;padding-top:.75rem}
.tabs input:checked+label+.panel{display:block}
.panel h3{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.code{margin-top:1rem;background:var(--sheet);border:1px solid var(--line);border-radius:.6rem;overflow:hidden}
figcaption{display:flex;gap:1rem;justify-content:space-between;align-items:center;min-height:2.4rem;padding:.3rem .5rem .3rem 1rem;font-size:.8125rem;color:var(--soft);border-bottom:1px solid var(--line)}
figcaption span{overflow-wrap:anywhere}
pre{overflow-x:auto;padding:.85rem 1rem;background:var(--code);font-size:.875rem;line-height:1.6;tab-size:2}
pre:focus-visible{outline-offset:-3px}
.command{display:flex;align-items:center;background:var(--code)}
.command pre{flex:1;min-width:0}
.command .copy{margin:0 .5rem;flex:none}
.command+.command{margin-top:.5rem}
.command pre::before{content:"$ ";color:var(--soft);float:left;white-space:pre}
.registries{list-style:none;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(17rem,100%),1fr));gap:.75rem}
.registries li{background:var(--sheet);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem;overflow-wrap:anywhere}
.registries code,.registries .aside{display:block;font-size:.8125rem}
.badge{display:inline-block;padding:0 .5rem;border-radius:1rem;background:var(--tint);color:var(--accent-ink);font-size:.75rem;line-height:1.6;vertical-align:.1em}
.hits{list-style:none;border:1px solid var(--line);border-radius:.8rem;background:var(--sheet)}
.hits li{padding:.85rem 1.25rem;overflow-wrap:anywhere}
.hits li+li{border-top:1px solid var(--line)}
.hits a{font-weight:600}
.hits p{color:var(--soft);font-size:.9375rem}
.stars{margin-left:.75rem;white-space:nowrap}
.gauges{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(17rem,100%),1fr));gap:.75rem}
.gauges div{background:var(--sheet);border:1px solid var(--line);border-radius:.6rem;padding:.9rem 1rem}
.gauges strong{font-variant-numeric:tabular-nums}
.gauges .bar{max-width:none;margin:.4rem 0}
.refusal{background:var(--bad-tint);border:1px solid var(--line);box-shadow:inset .25rem 0 var(--bad);border-radius:.6rem;padding:1.25rem 1.25rem 1.25rem 1.5rem}
.refusal h2{margin-bottom:.4rem;color:var(--bad)}
.refusal p+p{margin-top:.6rem;overflow-wrap:anywhere}
.neutral{padding:20vh 0;text-align:center;color:var(--soft)}
@media (max-width:40rem){
.command .copy{padding:.35rem}.command .copy span{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.platform>summary{grid-template-columns:1.2rem 1fr auto;padding:.8rem 1rem}
.platform>summary span:nth-child(3){grid-column:2}
.inside{padding:0 1rem 1rem}
.facts{padding:1rem;gap:1rem 2rem}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,tbody{display:block}
tr{display:grid;grid-template-columns:2rem minmax(0,1fr);border-top:1px solid var(--line);padding:.5rem 0}
td{border:0;padding:.1rem 0}
td.size{width:auto}
td:last-child{grid-column:2}}
@media (prefers-reduced-motion:reduce){*,::before{transition:none!important;scroll-behavior:auto!important}}
@media (forced-colors:active){.tabs input:checked+label{outline:3px solid}.bar{forced-color-adjust:none}}
@media print{:root{--ground:#fff;--sheet:#fff;--ink:#000;--soft:#333;--line:#999;--code:#fff;--accent:#000;--on-accent:#fff}
nav,.box,.copy,.skip,.tabs label,.tabs legend,footer{display:none!important}
.panel{display:block;break-inside:avoid}.panel h3{position:static;width:auto;height:auto;clip-path:none}pre{white-space:pre-wrap;overflow:visible}}
`;
