import { IgvmNativeContext } from '../../../spec/layouts/igvm.ts';
import { UserError } from '../../errors.ts';

/** The native context at the start of `page`, whose rest must be zeros. IGVM, VP_CONTEXT. */
export function nativeContext(page: Uint8Array): Uint8Array {
  if (page.subarray(IgvmNativeContext.size).some((byte) => byte !== 0)) {
    throw new UserError('the native VP_CONTEXT of the IGVM file has something behind it');
  }
  return page.subarray(0, IgvmNativeContext.size);
}
