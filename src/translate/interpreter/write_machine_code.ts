/** The process that writes the interpreters' machine code beside them: `node write_machine_code.js`, in a built program. */
import { writeMachineCode } from './machine_code.ts';

writeMachineCode(import.meta.dirname);
