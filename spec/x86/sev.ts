import * as Exit from '../exit.ts';
import type { Instruction } from './instruction.ts';
import { i } from './notation.ts';

const RESULT = { flags: 'MMMMM-' } as const;

/**
 * SVM's instructions, and those of SEV-ES and SEV-SNP. Rows marked `host` raise #UD in a guest.
 * APM3 §4; flags after the page instructions: by the return code in EAX, as after a comparison with 0.
 */
// biome-ignore format: a row a line
export const sev: readonly Instruction[] = [
  i('vmgexit',             'F3 0F 01 D9',   { intercept: Exit.VMGEXIT, feature: 'sev-es' }),
  i('vmgexit',             'F2 0F 01 D9',   { intercept: Exit.VMGEXIT, feature: 'sev-es', alias: true }),
  i('vmmcall',             '0F 01 D9',      { intercept: Exit.VMMCALL }),
  i('pvalidate',           'F2 0F 01 FF',   { flags: 'MMMMMM', cpl0: true, feature: 'sev-snp' }),
  i('rmpadjust',           'F3 0F 01 FE',   { ...RESULT, mode: 64, cpl0: true, feature: 'sev-snp' }),
  i('rmpquery',            'F3 0F 01 FD',   { ...RESULT, mode: 64, cpl0: true, feature: 'rmpquery' }),
  i('rmpupdate',           'F2 0F 01 FE',   { ...RESULT, mode: 64, cpl0: true, feature: 'sev-snp', host: true }),
  i('psmash',              'F3 0F 01 FF',   { ...RESULT, mode: 64, cpl0: true, feature: 'sev-snp', host: true }),
  i('rmpread',             'F2 0F 01 FD',   { ...RESULT, mode: 64, cpl0: true, feature: 'rmpread', host: true }),

  i('vmrun',               '0F 01 D8',      { cpl0: true, intercept: Exit.VMRUN, feature: 'svm', host: true }),
  i('vmload',              '0F 01 DA',      { cpl0: true, intercept: Exit.VMLOAD, feature: 'svm', host: true }),
  i('vmsave',              '0F 01 DB',      { cpl0: true, intercept: Exit.VMSAVE, feature: 'svm', host: true }),
  i('stgi',                '0F 01 DC',      { cpl0: true, intercept: Exit.STGI, feature: 'svm', host: true }),
  i('clgi',                '0F 01 DD',      { cpl0: true, intercept: Exit.CLGI, feature: 'svm', host: true }),
  i('skinit',              '0F 01 DE',      { cpl0: true, intercept: Exit.SKINIT, feature: 'skinit', host: true }),
  i('invlpga',             '0F 01 DF',      { cpl0: true, intercept: Exit.INVLPGA, feature: 'svm', host: true }),
].flat();
