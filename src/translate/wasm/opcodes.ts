/** WebAssembly opcodes by their text-format names (WebAssembly core specification, 5.4), as far as we emit them. */
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export type ValueType = typeof I32 | typeof I64 | typeof F32 | typeof F64 | typeof V128;
export const VOID = 0x40;

export const op = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  drop: 0x1a,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Load: 0x28,
  i64Load: 0x29,
  i32Load8U: 0x2d,
  i32Load16U: 0x2f,
  i64Load8S: 0x30,
  i64Load8U: 0x31,
  i64Load16S: 0x32,
  i64Load16U: 0x33,
  i64Load32S: 0x34,
  i64Load32U: 0x35,
  i32Store: 0x36,
  i64Store: 0x37,
  i32Store8: 0x3a,
  i32Store16: 0x3b,
  i64Store8: 0x3c,
  i64Store16: 0x3d,
  i64Store32: 0x3e,
  i32Const: 0x41,
  i64Const: 0x42,
  i32WrapI64: 0xa7,
  i64ExtendI32S: 0xac,
  i64ExtendI32U: 0xad,
  i32Extend8S: 0xc0,
  i32Extend16S: 0xc1,
  i64Extend8S: 0xc2,
  i64Extend16S: 0xc3,
  i64Extend32S: 0xc4,
  i32ReinterpretF32: 0xbc,
  i64ReinterpretF64: 0xbd,
  f32ReinterpretI32: 0xbe,
  f64ReinterpretI64: 0xbf,
  f64PromoteF32: 0xbb,
  f32DemoteF64: 0xb6,
  i32TruncF64S: 0xaa,
  i32TruncF64U: 0xab,
  i64TruncF64S: 0xb0,
  i64TruncF64U: 0xb1,
  f64Const: 0x44,
} as const;

/** Operations that exist for both widths: [i32 opcode, i64 opcode]. */
export const int = {
  eqz: [0x45, 0x50],
  eq: [0x46, 0x51],
  ne: [0x47, 0x52],
  ltS: [0x48, 0x53],
  ltU: [0x49, 0x54],
  clz: [0x67, 0x79],
  add: [0x6a, 0x7c],
  sub: [0x6b, 0x7d],
  mul: [0x6c, 0x7e],
  divS: [0x6d, 0x7f],
  divU: [0x6e, 0x80],
  and: [0x71, 0x83],
  or: [0x72, 0x84],
  xor: [0x73, 0x85],
  shl: [0x74, 0x86],
  shrS: [0x75, 0x87],
  shrU: [0x76, 0x88],
  rotr: [0x78, 0x8a],
} as const;

/** Operations on both sizes of floating-point numbers: [f32 opcode, f64 opcode]. */
export const float = {
  eq: [0x5b, 0x61],
  lt: [0x5d, 0x63],
  gt: [0x5e, 0x64],
  ge: [0x60, 0x66],
  neg: [0x8c, 0x9a],
  ceil: [0x8d, 0x9b],
  floor: [0x8e, 0x9c],
  trunc: [0x8f, 0x9d],
  nearest: [0x90, 0x9e],
  sqrt: [0x91, 0x9f],
  add: [0x92, 0xa0],
  sub: [0x93, 0xa1],
  mul: [0x94, 0xa2],
  div: [0x95, 0xa3],
  min: [0x96, 0xa4],
  max: [0x97, 0xa5],
  convertI32S: [0xb2, 0xb7],
  convertI32U: [0xb3, 0xb8],
  convertI64S: [0xb4, 0xb9],
  convertI64U: [0xb5, 0xba],
} as const;
export type WasmFloatOp = keyof typeof float;

export type IntOp = keyof typeof int;

/** Behind the prefix 0xfd. */
export const simd = {
  load: 0,
  store: 11,
  const: 12,
  shuffle: 13,
  swizzle: 14,
  not: 77,
  and: 78,
  andNot: 79,
  or: 80,
  xor: 81,
  select: 82,
  anyTrue: 83,
  f32x4DemoteZero: 94,
  f64x2PromoteLow: 95,
  popcnt: 98,
} as const;

/** Vector operations by lane size: [8, 16, 32, 64 bits]; 0 where there is none. */
export const lanes = {
  splat: [15, 16, 17, 18],
  extract: [22, 25, 27, 29],
  replace: [23, 26, 28, 30],
  shl: [107, 139, 171, 203],
  shrS: [108, 140, 172, 204],
  shrU: [109, 141, 173, 205],
  add: [110, 142, 174, 206],
  sub: [113, 145, 177, 209],
  mul: [0, 149, 181, 213],
  minS: [118, 150, 182, 0],
  minU: [119, 151, 183, 0],
  maxS: [120, 152, 184, 0],
  maxU: [121, 153, 185, 0],
  eq: [35, 45, 55, 214],
  gtS: [39, 49, 59, 217],
  gtU: [40, 50, 60, 0],
} as const;
export type LaneOp = keyof typeof lanes;

/** Vector operations on lanes of floating-point numbers: [f32x4, f64x2]. */
export const floatLanes = {
  eq: [65, 71],
  sqrt: [227, 239],
  add: [228, 240],
  sub: [229, 241],
  mul: [230, 242],
  div: [231, 243],
  min: [232, 244],
  max: [233, 245],
} as const;
