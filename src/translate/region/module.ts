/** A batch of regions as one WebAssembly module: V8 takes about half a millisecond a module, and little more for many functions. */
import type { Detail } from '../detail.ts';
import { MEMORY_PAGES } from '../layout.ts';
import { importPool, type PoolWidth } from '../pool.ts';
import { CodeBuffer } from '../wasm/expression.ts';
import { type FunctionCode, ModuleBuilder } from '../wasm/module.ts';
import { I32, I64, type ValueType } from '../wasm/opcodes.ts';
import type { RepeatedCode } from './emitter.ts';
import { emitFlagsFunction, emitStoreFlags } from './flags.ts';
import { buildRegion, type RegionSource } from './function.ts';
import type { Instruction } from './instruction.ts';
import { TEMPORARIES, TEMPORARY_BASE } from './locals.ts';

export interface RegionModule {
  readonly bytes: Uint8Array;
  /** Exported name of each region's function. */
  readonly names: readonly string[];
}

const FLAGS_PARAMETERS: readonly ValueType[] = [I32, I64, I64];
const FLAGS_TEMPORARIES = 8;
const FLAGS_LOCALS = { i32: FLAGS_TEMPORARIES, i64: FLAGS_TEMPORARIES };
const flagsCode = () =>
  new CodeBuffer(
    {
      i32: FLAGS_PARAMETERS.length,
      i64: FLAGS_PARAMETERS.length + FLAGS_TEMPORARIES,
      v128: 0,
      f32: 0,
      f64: 0,
    },
    FLAGS_TEMPORARIES,
  );

/** Behind the import. */
const FLAGS_FUNCTION = 1;

interface FlagsFunctions {
  readonly flags: FunctionCode;
  readonly storeFlags: FunctionCode;
}
let made: FlagsFunctions | undefined;

/** The functions that every module has, made once. */
function flagsFunctions(): FlagsFunctions {
  if (made) return made;
  const nzcv = flagsCode();
  emitFlagsFunction(nzcv);
  const store = flagsCode();
  for (let parameter = 0; parameter < FLAGS_PARAMETERS.length; parameter++) store.get(parameter);
  store.call(FLAGS_FUNCTION);
  emitStoreFlags(store, store.keepTop(32));
  const [parameters, locals] = [FLAGS_PARAMETERS, FLAGS_LOCALS];
  made = {
    flags: { signature: { parameters, results: [I32] }, locals, body: nzcv.toBytes() },
    storeFlags: { signature: { parameters, results: [] }, locals, body: store.toBytes() },
  };
  return made;
}

const repeatedCodes = new Map<string, WeakMap<Instruction, RepeatedCode>>();
/** The code of instructions of earlier modules, where this one's is the same. */
function repeatedCode(detail: Detail, poolWidth: PoolWidth): WeakMap<Instruction, RepeatedCode> {
  const key = `${detail} ${poolWidth}`;
  const repeated = repeatedCodes.get(key) ?? new WeakMap<Instruction, RepeatedCode>();
  repeatedCodes.set(key, repeated);
  return repeated;
}

/** All regions have the same detail. */
export function buildRegionModule(sources: readonly RegionSource[], poolWidth: PoolWidth): RegionModule {
  const module = new ModuleBuilder();
  module.importMemory({
    module: 'memory',
    name: 'state',
    initial: MEMORY_PAGES,
    maximum: MEMORY_PAGES,
    address: 'i32',
  });
  importPool(module, poolWidth);
  const float = module.importFunction('host', 'float', { parameters: [I32], results: [] });
  const shared = flagsFunctions();
  const flags = module.addFunction(shared.flags);
  if (flags !== FLAGS_FUNCTION) throw new Error(`the flags function is number ${flags}`);
  const storeFlags = module.addFunction(shared.storeFlags);
  const names = sources.map(({ name }, n) => `${name} ${n}`);
  const repeated = repeatedCode(sources[0].detail, poolWidth);
  const code = new CodeBuffer(TEMPORARY_BASE, TEMPORARIES, poolWidth);
  for (const [n, source] of sources.entries())
    module.addFunction(buildRegion(source, { flags, storeFlags, float }, names[n], code, repeated));
  return { bytes: module.build(), names };
}
