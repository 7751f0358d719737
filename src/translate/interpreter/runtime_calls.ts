/** The calls out of handlers, by number. */
import type { RuntimeCall } from '../../isa/emitter.ts';

const POINTER_AUTHENTICATION = [
  'pacia',
  'pacib',
  'pacda',
  'pacdb',
  'autia',
  'autib',
  'autda',
  'autdb',
  'pacga',
  'xpaci',
  'xpacd',
] as const satisfies readonly RuntimeCall[];

/** Order of the runtime calls in the import's first parameter. */
export const RUNTIME_CALLS: readonly RuntimeCall[] = [
  'supervisorCall',
  'hypervisorCall',
  'secureMonitorCall',
  'breakpoint',
  'halt',
  'undefinedInstruction',
  'exceptionReturn',
  'readSystemRegister',
  'writeSystemRegister',
  'systemOperation',
  'systemOperationWithResult',
  'writePstateField',
  'waitForInterrupt',
  'waitForEvent',
  'sendEvent',
  'sendEventLocal',
  'yieldHint',
  'vectorsTrapped',
  ...POINTER_AUTHENTICATION,
  'exceptionReturnAuthenticated',
  'errorSynchronizationBarrier',
];
/** Those that give a value. */
export const RETURNS: ReadonlySet<RuntimeCall> = new Set<RuntimeCall>([
  'readSystemRegister',
  'systemOperationWithResult',
  ...POINTER_AUTHENTICATION,
]);
