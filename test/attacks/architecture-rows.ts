import { denied, type Row, wins } from './verdict.ts';

/** A1 to A19: what the architecture must stop. */
export const ARCHITECTURE_ROWS: readonly Row[] = [
  {
    id: 'A2',
    title: 'garbling encrypted memory',
    source: 'Buhren et al., CODASPY 2017',
    catalogue: ['W', 'W', 'W', 'D'],
    ways: [
      {
        how: 'writing to a private page',
        cells: { none: wins, sev: wins, 'sev-es': wins, snp: denied('H#PF', 'rmp-host-write') },
      },
    ],
  },
];
