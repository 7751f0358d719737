/** A batch of regions as one WebAssembly module: V8 takes about half a millisecond a module, and little more for many functions. */
import { MEMORY_PAGES } from '../layout.ts';
import { importPool, type PoolWidth } from '../pool.ts';
import { CodeBuffer } from '../wasm/expression.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { I32, I64, type ValueType } from '../wasm/opcodes.ts';
import { emitFlagsFunction, emitStoreFlags } from './flags.ts';
import { buildRegion, type RegionSource } from './function.ts';

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
  const nzcv = flagsCode();
  emitFlagsFunction(nzcv);
  const flags = module.addFunction({
    signature: { parameters: FLAGS_PARAMETERS, results: [I32] },
    locals: FLAGS_LOCALS,
    body: nzcv.toBytes(),
  });
  const store = flagsCode();
  for (let parameter = 0; parameter < FLAGS_PARAMETERS.length; parameter++) store.get(parameter);
  store.call(flags);
  emitStoreFlags(store, store.keepTop(32));
  const storeFlags = module.addFunction({
    signature: { parameters: FLAGS_PARAMETERS, results: [] },
    locals: FLAGS_LOCALS,
    body: store.toBytes(),
  });
  const names = sources.map(({ name }, n) => `${name} ${n}`);
  for (const [n, source] of sources.entries())
    module.addFunction(buildRegion(source, { flags, storeFlags, float }, names[n], poolWidth));
  return { bytes: module.build(), names };
}
