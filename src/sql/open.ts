/** Opens a recording for questions: a DuckDB session that knows the symbols of the recorded images. */

import { recordedSymbols, symbolText } from '../symbols/recorded_symbols.ts';
import { openRecording } from '../trace/recording.ts';
import { Session } from './session.ts';

/**
 * The public way in: `const recording = await open('guest.hs'); await recording.sql('select …')`. Rows are objects; 64-bit
 * integers are BigInt. Throws UserError with one line for the user. Close it when done.
 */
export async function open(path: string): Promise<Session> {
  const recording = openRecording(path);
  const symbols = recordedSymbols(recording);
  recording.close();
  return Session.open(path, symbols ? { symbolize: (pc, space) => symbolText(symbols, pc, space) } : {});
}
