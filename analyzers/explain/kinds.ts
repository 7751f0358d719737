/** The closed list of what `explain` can conclude: what kind of bug it looks like. */
export const KINDS = {
  'overwritten-descriptor': 'a translation table entry was overwritten by a store meant for something else',
  'unmapped-ipa': 'an intermediate physical address that the guest uses was never mapped at stage 2',
  'unmapped-va': 'a virtual address that is used was never mapped at stage 1',
  'use-after-unmap': 'an address was used after its translation had been removed',
  'wrong-permission': 'a translation table entry denies an access that the code needs',
  'wrong-mapping': 'a translation table entry leads to the wrong physical address',
  'missing-tlbi': 'a translation table entry was changed and the old translation stayed in the TLB',
  'stack-overflow': 'the stack grew beyond its end',
  'overwritten-return-address': 'a return address on the stack was overwritten',
  'corrupted-pointer': 'a pointer in memory was overwritten by a store meant for something else',
  'overwritten-code': 'instructions were overwritten',
  'register-not-saved': 'an exception handler did not preserve a register of the code that it interrupted',
  'uninitialised-read': 'memory that nobody had written was read and its content used',
  'null-pointer': 'a null pointer was used',
  'bad-pointer': 'a pointer was computed wrongly',
  'unacknowledged-interrupt': 'an interrupt was taken and its end never signalled',
  'undefined-instruction': 'an instruction was executed that this CPU has not, or that is not allowed there',
  'illegal-return': 'an exception return to a state that is not allowed',
  'misaligned-stack': 'the stack pointer was made a value that is no multiple of 16',
  'vector-fault': 'the exception vector itself cannot be executed',
  'unhandled-exception': 'an exception was taken that its handler does not know',
  'software-panic': "the software's own check failed, and it stopped",
  'wait-for-ever': 'the software waits for an interrupt that never comes',
} as const;

export type Kind = keyof typeof KINDS;
