import { denied, deniedByGuest, type Row, wins } from './verdict.ts';

/** A1 to A19: what the architecture must stop. */
export const ARCHITECTURE_ROWS: readonly Row[] = [
  {
    id: 'A1',
    title: 'reading guest memory',
    source: 'APM2 §15.34',
    catalogue: ['W', 'D', 'D', 'D'],
    ways: [
      {
        how: 'reading private memory',
        cells: {
          none: wins,
          sev: denied('ciphertext', 'memory-encryption'),
          'sev-es': denied('ciphertext', 'memory-encryption'),
          snp: denied('ciphertext', 'memory-encryption'),
        },
      },
    ],
  },
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
  {
    id: 'A3',
    title: 'SEVered',
    source: 'Morbitzer et al., EuroSec 2018',
    catalogue: ['W', 'W', 'W', 'D'],
    ways: [
      {
        how: 'swapping two pages while one is read out',
        cells: { none: wins, sev: wins, 'sev-es': wins, snp: denied('NPF.R', 'rmp-reverse-map') },
      },
    ],
  },
  {
    id: 'A4',
    title: 'replaying ciphertext in its place',
    source: 'Hetzelt and Buhren, VEE 2017; Du et al., 2017',
    catalogue: ['W', 'W', 'W', 'D'],
    ways: [
      {
        how: 'putting old ciphertext back',
        cells: { none: wins, sev: wins, 'sev-es': wins, snp: denied('H#PF', 'rmp-host-write') },
      },
    ],
  },
  {
    id: 'A5',
    title: 'moving ciphertext under a known tweak',
    source: 'Du et al., 2017; SEVurity, IEEE S&P 2020',
    catalogue: ['-', 'W', 'W', 'D'],
    ways: [
      {
        how: 'moving a block, made up for the tweak',
        cells: { sev: wins, 'sev-es': wins, snp: denied('H#PF', 'rmp-host-write') },
      },
    ],
  },
  {
    id: 'A6',
    title: 'SEVerity: code through a network buffer',
    source: 'Morbitzer et al., WOOT 2021; CVE-2020-12967',
    catalogue: ['-', 'W', 'W', 'D'],
    ways: [
      {
        how: 'mapping a page of network data as code',
        cells: { sev: wins, 'sev-es': wins, snp: denied('NPF.R', 'rmp-reverse-map') },
      },
      {
        how: 'copying the ciphertext of network data to code',
        cells: { sev: wins, 'sev-es': wins, snp: denied('H#PF', 'rmp-host-write') },
      },
    ],
  },
  {
    id: 'A7',
    title: 'reading and editing the registers of a guest that left',
    source: 'Hetzelt and Buhren, VEE 2017; SEVerESt, AsiaCCS 2019',
    catalogue: ['W', 'W', 'D', 'D'],
    ways: [
      {
        how: 'editing saved registers',
        cells: {
          none: wins,
          sev: wins,
          'sev-es': denied('VMRUN.X', 'vmsa-checksum'),
          snp: denied('H#PF', 'rmp-host-write'),
        },
      },
    ],
  },
  {
    id: 'A8',
    title: 'replaying a VMSA',
    source: 'APM2 §15.35.8',
    catalogue: ['-', '-', 'D', 'D'],
    ways: [
      {
        how: 'putting an old VMSA back',
        cells: {
          'sev-es': denied('VMRUN.X', 'vmsa-checksum'),
          snp: denied('H#PF', 'rmp-host-write'),
        },
      },
    ],
  },
  {
    id: 'A9',
    title: 'CROSSLINE',
    source: 'Li et al., CCS 2021',
    catalogue: ['-', 'W', 'W', 'D'],
    ways: [
      {
        how: 'reading memory as page tables',
        cells: { sev: wins, 'sev-es': wins, snp: denied('NPF.R', 'rmp-reverse-map') },
      },
      {
        how: 'running a state of its own under the guest’s ASID',
        cells: { sev: wins, snp: denied('VMRUN.X', 'vmsa-page') },
      },
      {
        how: 'leaving pages under the ASID that the guest is to get',
        cells: { snp: denied('CONFIG', 'asid-pages') },
      },
    ],
  },
  {
    id: 'A10',
    title: 'TLB poisoning',
    source: 'Li et al., ACSAC 2021',
    catalogue: ['-', 'W', 'W', 'D'],
    ways: [
      {
        how: 'switching vCPUs without a flush',
        cells: { sev: wins, 'sev-es': wins, snp: denied('FLUSH', 'tlb-flush') },
      },
    ],
  },
  {
    id: 'A11',
    title: 'undeSErVed: one digest, another order',
    source: 'Wilke et al., WOOT 2021; CVE-2021-26311',
    catalogue: ['-', 'W', 'W', 'D'],
    ways: [
      {
        how: 'exchanging two blocks of sixteen bytes',
        cells: { sev: wins, 'sev-es': wins },
      },
      {
        how: 'exchanging two pages',
        cells: { sev: wins, 'sev-es': wins, snp: denied('DIG', 'launch-place') },
      },
    ],
  },
  {
    id: 'A12',
    title: 'tampering with the launch',
    source: 'SNP §8.17',
    // Before SNP the guest runs; its owner can see LAUNCH_MEASURE's digest before he sends it secrets.
    catalogue: ['W', 'W', 'W', 'D'],
    ways: [
      {
        how: 'changing a page',
        cells: { none: wins, sev: wins, 'sev-es': wins, snp: denied('DIG', 'launch-content') },
      },
      {
        how: 'adding a page',
        cells: { none: wins, sev: wins, 'sev-es': wins, snp: denied('DIG', 'launch-page') },
      },
      {
        how: 'leaving a page out',
        cells: { none: wins, sev: wins, 'sev-es': wins, snp: denied('DIG', 'launch-page') },
      },
      {
        how: 'launching a page elsewhere',
        cells: { none: wins, sev: wins, 'sev-es': wins, snp: denied('DIG', 'launch-place') },
      },
      {
        how: 'launching a page without measuring it',
        cells: { snp: denied('DIG', 'launch-type', 'launch-content') },
      },
      {
        how: 'setting other SEV_FEATURES',
        cells: { snp: denied('DIG', 'launch-content') },
      },
      {
        how: 'launching a vCPU more',
        cells: { 'sev-es': wins, snp: denied('DIG', 'launch-page') },
      },
      {
        how: 'launching something else than its ID block says',
        cells: { snp: denied('IDB', 'id-block') },
      },
      {
        how: 'running the guest before its launch is finished',
        cells: { snp: denied('VMRUN.X', 'asid-enabled') },
      },
    ],
  },
  {
    id: 'A13',
    title: 'un-assigning a page in silence',
    source: 'APM2 §15.36',
    catalogue: ['-', '-', '-', 'D'],
    ways: [
      {
        how: 'taking a page away',
        cells: {
          snp: denied('NPF.R', 'rmp-owner', 'rmp-reverse-map', 'rmp-validated', 'rmp-vmpl'),
        },
      },
      {
        how: 'giving back a page that was taken',
        cells: { snp: denied('VC404', 'rmp-validated') },
      },
    ],
  },
  {
    id: 'A14',
    title: 'replaying a page that was swapped out',
    source: 'SNP, PAGE_SWAP_OUT, PAGE_SWAP_IN',
    catalogue: ['-', '-', '-', 'D'],
    ways: [
      {
        how: 'bringing an old copy back by its own entry',
        cells: { snp: denied('MDATA', 'swap-entry') },
      },
      {
        how: 'bringing an old copy back by the last entry',
        cells: { snp: denied('AEAD', 'swap-authentication') },
      },
      {
        how: 'bringing a copy back twice',
        cells: { snp: denied('MDATA', 'swap-entry') },
      },
    ],
  },
  {
    id: 'A15',
    title: 'one VMSA on two processors',
    source: 'APM2 §15.36.12',
    catalogue: ['-', '-', '?', 'D'],
    ways: [
      {
        how: 'running one VMSA on two processors',
        cells: { snp: denied('VMRUN.X', 'vmsa-in-use') },
      },
    ],
  },
  {
    id: 'A16',
    title: 'code at a lower VMPL',
    source: 'APM2 §15.36.7',
    catalogue: ['-', '-', '-', 'D'],
    ways: [
      {
        how: 'reading a page of VMPL 0',
        cells: { snp: denied('NPF.VMPL', 'rmp-vmpl') },
      },
      { how: 'validating a page', cells: { snp: denied('#GP', 'pvalidate-vmpl') } },
      { how: 'giving itself rights', cells: { snp: denied('PERMISSION', 'rmpadjust-vmpl') } },
    ],
  },
  {
    id: 'A17',
    title: 'writing by a device',
    source: 'AMD-SB-3003, AMD-SB-3016',
    catalogue: ['W', 'W', 'W', 'D'],
    ways: [
      {
        how: 'writing by DMA',
        cells: { none: wins, sev: wins, 'sev-es': wins, snp: denied('IOMMU', 'iommu-rmp') },
      },
    ],
  },
  {
    id: 'A18',
    title: 'the AMD-SP’s debugging commands',
    source: 'SEV §7.1; SNP, SNP_DBG_DECRYPT',
    catalogue: ['W', 'W', 'W', 'D'],
    ways: [
      {
        how: 'having a page decrypted for debugging',
        cells: { none: wins, sev: wins, 'sev-es': wins, snp: denied('POLICY', 'debug-policy') },
      },
    ],
  },
  {
    id: 'A19',
    title: 'forging, replaying and reordering messages',
    source: 'SNP §7, §8.26',
    catalogue: ['-', '-', '-', 'D'],
    ways: [
      { how: 'changing a request', cells: { snp: denied('AEAD', 'message-authentication') } },
      { how: 'sending a request again', cells: { snp: denied('AEAD', 'message-sequence') } },
      { how: 'changing a response', cells: { snp: deniedByGuest('AEAD', 'response-forged') } },
      {
        how: 'giving a response again',
        cells: { snp: deniedByGuest('AEAD', 'response-replayed') },
      },
    ],
  },
];
