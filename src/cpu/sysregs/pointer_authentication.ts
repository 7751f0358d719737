/** The keys of pointer authentication (FEAT_PAuth). Arm ARM D17.2.13 to D17.2.22. */
import { register, type SystemRegister } from './row.ts';
import { APK } from './traps.ts';

const PAUTH = { feature: 'PAuth', traps: [APK] };

// biome-ignore format: one aligned row per register
export const pointerAuthentication: readonly SystemRegister[] = [
  register('APIAKeyLo_EL1', '3 0 2 1 0', '-- rw rw', PAUTH),
  register('APIAKeyHi_EL1', '3 0 2 1 1', '-- rw rw', PAUTH),
  register('APIBKeyLo_EL1', '3 0 2 1 2', '-- rw rw', PAUTH),
  register('APIBKeyHi_EL1', '3 0 2 1 3', '-- rw rw', PAUTH),
  register('APDAKeyLo_EL1', '3 0 2 2 0', '-- rw rw', PAUTH),
  register('APDAKeyHi_EL1', '3 0 2 2 1', '-- rw rw', PAUTH),
  register('APDBKeyLo_EL1', '3 0 2 2 2', '-- rw rw', PAUTH),
  register('APDBKeyHi_EL1', '3 0 2 2 3', '-- rw rw', PAUTH),
  register('APGAKeyLo_EL1', '3 0 2 3 0', '-- rw rw', PAUTH),
  register('APGAKeyHi_EL1', '3 0 2 3 1', '-- rw rw', PAUTH),
];
