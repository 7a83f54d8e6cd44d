import { formatTable } from '../../inspect/table.ts';
import type { EngineName, Row } from './measure.ts';

/** A line of the summary: what was measured, and what it is held against. */
interface Figure {
  readonly name: string;
  readonly value: number | undefined;
  readonly bound: number;
  readonly where?: string;
}

/** The table: milliseconds, ratios of times, bytes of code. */
export function workloadTable(rows: readonly Row[]): string {
  const head = [
    ...['WORKLOAD', 'V8 MS', 'BASE REG', '/ V8', 'BASE 0', '/ V8'],
    ...['WASM2C', 'BASE REG / W2C', 'BASE 0 / W2C', 'CODE', 'GCC', 'CODE / GCC'],
  ];
  const lines = rows.map((row) => {
    const { workload, times, sizes } = row;
    const ratio = (name: EngineName, to: EngineName) => formatRatio(row.ratio(name, to));
    return [
      workload.name,
      formatTime(times.v8),
      formatTime(times.baseRegister),
      ratio('baseRegister', 'v8'),
      formatTime(times.base0),
      ratio('base0', 'v8'),
      formatTime(times.wasm2c),
      ratio('baseRegister', 'wasm2c'),
      ratio('base0', 'wasm2c'),
      formatSize(sizes.baseRegister),
      formatSize(sizes.wasm2c),
      formatRatio(sizeRatio(row)),
    ];
  });
  return formatTable(
    head,
    head.map((_, i) => (i === 0 ? 'left' : 'right')),
    lines,
  );
}

/** Geometric means and the worst of them, each beside its bound. */
export function summary(rows: readonly Row[]): string {
  const means = (name: EngineName, to: EngineName) => mean(rows.map((row) => row.ratio(name, to)));
  const figures: readonly Figure[] = [
    { name: 'base register / V8', value: means('baseRegister', 'v8'), bound: 0.75 },
    { name: 'base 0 / V8', value: means('base0', 'v8'), bound: 0.72 },
    { name: 'base register / wasm2c', value: means('baseRegister', 'wasm2c'), bound: 0.95 },
    { name: 'base 0 / wasm2c', value: means('base0', 'wasm2c'), bound: 0.95 },
    { name: 'worst, base register / V8', ...worst(rows, 'baseRegister'), bound: 1.1 },
    { name: 'worst, base 0 / V8', ...worst(rows, 'base0'), bound: 1.1 },
    { name: 'code size / gcc', value: mean(rows.map(sizeRatio)), bound: 1.3 },
  ];
  const lines = figures.map(({ name, value, bound, where }) => [
    name,
    formatRatio(value),
    bound.toFixed(2),
    value === undefined ? '' : value <= bound ? 'holds' : 'missed',
    where ?? '',
  ]);
  const head = ['GEOMETRIC MEAN', 'IS', 'AT MOST', '', ''];
  return formatTable(head, ['left', 'right', 'right', 'left', 'left'], lines);
}

function worst(rows: readonly Row[], name: EngineName): { value: number; where: string } {
  return rows
    .map((row) => ({ value: row.ratio(name, 'v8') ?? 0, where: row.workload.name }))
    .reduce((a, b) => (a.value > b.value ? a : b));
}

function sizeRatio({ sizes: { baseRegister, wasm2c } }: Row): number | undefined {
  return baseRegister && wasm2c ? baseRegister / wasm2c : undefined;
}

/** The geometric mean of those that were measured; undefined if none was. */
function mean(ratios: readonly (number | undefined)[]): number | undefined {
  const measured = ratios.filter((ratio) => ratio !== undefined);
  if (measured.length === 0) return undefined;
  return Math.exp(measured.reduce((sum, ratio) => sum + Math.log(ratio), 0) / measured.length);
}

const formatTime = (milliseconds: number | undefined) => milliseconds?.toFixed(1) ?? '–';
const formatRatio = (ratio: number | undefined) => ratio?.toFixed(2) ?? '–';
const formatSize = (bytes: number | undefined) => bytes?.toFixed(0) ?? '–';
