import type { Termination } from './termination.ts';
import { exitCode } from './termination.ts';

/** Counts at the moment when a line of the console was complete. */
export interface LineMark {
  readonly instructions: number;
  readonly vmgexits: number;
}

export interface PageCounts {
  private: number;
  shared: number;
  hypervisor: number;
  unvalidated: number;
}

/** What `run --stats` writes; the commands' contract fixes its form. */
export interface Report {
  readonly mode: string;
  readonly instructions: number;
  readonly wallSeconds: number;
  readonly exits: { readonly total: number; readonly byReason: Record<string, number> };
  readonly vc: {
    readonly total: number;
    readonly beforeGhcb: number;
    readonly bySite: Record<string, number>;
  };
  readonly pvalidates: { validate4k: number; validate2m: number; rescind: number };
  readonly lines: readonly LineMark[];
  readonly pages: PageCounts;
  readonly launchDigest: string | null;
  readonly exitCode: number;
  readonly termination: string;
  readonly resets: number;
}

/** What a run is counted by. */
export class Statistics {
  readonly exits = new Map<string, number>();
  /** #VCs by the address of the instruction that raised them. */
  readonly vcSites = new Map<bigint, number>();
  readonly pvalidates = { validate4k: 0, validate2m: 0, rescind: 0 };
  readonly lines: LineMark[] = [];
  vmgexits = 0;
  resets = 0;
  vcs = 0;
  /** #VCs before the guest first used a GHCB page; until then, all there were. */
  #vcsBeforeGhcb: number | undefined;

  /** Copies the counts; what comes back puts them there again. */
  snapshot(): () => void {
    const [exits, vcSites] = [[...this.exits], [...this.vcSites]];
    const [pvalidates, lines] = [{ ...this.pvalidates }, [...this.lines]];
    const { vmgexits, resets, vcs } = this;
    const before = this.#vcsBeforeGhcb;
    return () => {
      fill(this.exits, exits);
      fill(this.vcSites, vcSites);
      Object.assign(this.pvalidates, pvalidates);
      this.lines.splice(0, this.lines.length, ...lines);
      Object.assign(this, { vmgexits, resets, vcs });
      this.#vcsBeforeGhcb = before;
    };
  }

  countExit(name: string): void {
    this.exits.set(name, (this.exits.get(name) ?? 0) + 1);
  }

  countVc(rip: bigint): void {
    this.vcs++;
    this.vcSites.set(rip, (this.vcSites.get(rip) ?? 0) + 1);
  }

  /** The guest has a GHCB from now on. */
  ghcbReady(): void {
    this.#vcsBeforeGhcb ??= this.vcs;
  }

  countPvalidate(huge: boolean, validate: boolean): void {
    if (!validate) this.pvalidates.rescind++;
    else if (huge) this.pvalidates.validate2m++;
    else this.pvalidates.validate4k++;
  }

  /** All of it, with what only the machine knows. */
  report(
    known: Pick<Report, 'mode' | 'instructions' | 'wallSeconds' | 'pages' | 'launchDigest'>,
    termination: Termination,
  ): Report {
    const total = [...this.exits.values()].reduce((sum, count) => sum + count, 0);
    const bySite: Record<string, number> = {};
    for (const [rip, count] of this.vcSites) bySite[`0x${rip.toString(16)}`] = count;
    return {
      mode: known.mode,
      instructions: known.instructions,
      wallSeconds: known.wallSeconds,
      exits: { total, byReason: Object.fromEntries(this.exits) },
      vc: { total: this.vcs, beforeGhcb: this.#vcsBeforeGhcb ?? this.vcs, bySite },
      pvalidates: this.pvalidates,
      lines: this.lines,
      pages: known.pages,
      launchDigest: known.launchDigest,
      exitCode: exitCode(termination),
      termination: termination.kind,
      resets: this.resets,
    };
  }
}

function fill<K, V>(map: Map<K, V>, entries: readonly (readonly [K, V])[]): void {
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}
