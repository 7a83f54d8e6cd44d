/**
 * Checks of the guest's that a kernel can be built without, by name: `text` of `file` becomes `instead`.
 * Such a kernel is a build of its own for the control of a row; no image that ships has a switch.
 */
export interface Replacement {
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

export const MUTATIONS = {} as const satisfies Readonly<Record<string, Replacement>>;

export type Mutation = keyof typeof MUTATIONS;
