import { paletteRules, paletteVariables } from './palette.ts';

const light = `--paper: #fbfbfa; --card: #ffffff; --ink: #1b1e22; --soft: #5c636b; --line: #dfe1e4;
  --mark: #c2007a; ${paletteVariables('light')}`;
const dark = `--paper: #131517; --card: #1a1d20; --ink: #e6e7e9; --soft: #9aa1a9; --line: #2f3338;
  --mark: #ff5cc0; ${paletteVariables('dark')}`;

/** The style sheet of the page that `inspect --html` writes: the reader's theme, and for paper the light one. */
export const styleSheet = `
:root { color-scheme: light dark; ${light} }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 40px 28px 64px; }
h1 { font-size: 26px; font-weight: 650; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 17px; font-weight: 650; margin: 44px 0 6px; }
p { margin: 0 0 14px; color: var(--soft); max-width: 78ch; }
code, .gpa, td.mono { font-family: ui-monospace, "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace; }
.maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 20px; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 16px; }
figcaption { font-weight: 600; margin-bottom: 8px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 10.5px; }
.gpa text { text-anchor: end; font-size: 10px; }
.halo { fill: none; stroke: var(--card); stroke-width: 5; }
.mark { fill: none; stroke: var(--mark); stroke-width: 2; }
svg.chart { max-width: 680px; }
.chart line { stroke: var(--line); }
.chart .name { text-anchor: end; font-size: 12px; fill: var(--ink); }
.chart .tick, .chart .count { text-anchor: middle; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 20px; margin: 12px 0 0; padding: 0; list-style: none;
  font-size: 13px; color: var(--soft); }
.legend li { display: flex; align-items: center; gap: 7px; }
.swatch { width: 13px; height: 13px; border-radius: 2px; flex: none; }
.ring { width: 13px; height: 13px; border-radius: 50%; border: 2px solid var(--mark); flex: none; }
.ramp { display: flex; width: 176px; height: 13px; border-radius: 2px; overflow: hidden; }
.ramp span { flex: 1; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12.5px; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.mono { white-space: nowrap; font-size: 13px; }
td.wide { overflow-wrap: anywhere; width: 60%; }
td .swatch { display: inline-block; margin-right: 8px; vertical-align: -1px; }
.answer { border-left: 4px solid var(--mark); padding: 8px 14px; background: var(--card); color: var(--ink); margin: 18px 0; }
.answer.none { border-color: var(--written); }
${paletteRules()}
`;
