/**
 * Layout of linear memory 0: everything that translated code needs at hand, at fixed addresses. The CPU state comes first
 * (cpu/state.ts). Offsets and sizes in bytes.
 */
import { STATE_BASE, STATE_SIZE } from '../cpu/state.ts';

const KiB = 1024;

/** For a condition code c and flags NZCV, byte 16 c + NZCV is 1 where the condition holds. */
export const CONDITION_TABLE = 0x100;

/** Eight vectors that belong to the instruction that executes. */
export const VECTOR_SCRATCH = 0x200;
/** For n from 0 to 16, the vector at 16 n has ones in its lowest n bytes. */
export const EXTENT_MASKS = 0x300;
/** The lanes of interpreter/state_digest.ts. */
export const STATE_DIGEST = 0x480;

/**
 * Inline TLBs: one bank for each translation context in use. A data entry is 32 bytes:
 *   +0 readTag, +8 writeTag: the page's virtual address, or all ones (matches nothing)
 *   +16 poolDelta: pool offset minus virtual address
 *   +24 paDelta: physical minus virtual address; bit 63 is flipped where unaligned accesses are allowed
 * A fetch entry is 16 bytes: +0 tag (the page's virtual address, with FETCH_GUARDED if it is guarded; or all ones), +8 address
 * of its decoded records.
 */
export const TLB_BANKS = 16;
export const DATA_TLB_ENTRIES = 4096;
export const DATA_TLB_ENTRY = 32;
export const FETCH_TLB_ENTRIES = 4096;
export const FETCH_TLB_ENTRY = 16;
/** In the tag of a guarded page (FEAT_BTI): the address that a tag is compared with has it clear. */
export const FETCH_GUARDED = 4;
const DATA_TLB_BYTES = DATA_TLB_ENTRIES * DATA_TLB_ENTRY;
const FETCH_TLB_BYTES = FETCH_TLB_ENTRIES * FETCH_TLB_ENTRY;

export const TLB_BASE = 64 * KiB;
if (STATE_BASE + STATE_SIZE > TLB_BASE) throw new Error('the CPU state does not fit below the TLBs');
export const dataTlbAddress = (bank: number): number => TLB_BASE + bank * (DATA_TLB_BYTES + FETCH_TLB_BYTES);
/** The bank whose data entries begin there. */
export const bankAt = (address: number): number => (address - TLB_BASE) / (DATA_TLB_BYTES + FETCH_TLB_BYTES);
export const fetchTlbAddress = (bank: number): number => dataTlbAddress(bank) + DATA_TLB_BYTES;

/**
 * Raw recording buffers of one packet. A packet has at most PACKET_INSTRUCTIONS instructions; an instruction has at most one
 * atom, one target and ACCESSES_PER_INSTRUCTION accesses, so that no overflow check is needed.
 */
export const PACKET_INSTRUCTIONS = 16384;
export const ACCESSES_PER_INSTRUCTION = 8;
export const ATOM_BUFFER = dataTlbAddress(TLB_BANKS);
export const TARGET_BUFFER = ATOM_BUFFER + PACKET_INSTRUCTIONS;
export const ACCESS_BUFFER = TARGET_BUFFER + 8 * PACKET_INSTRUCTIONS;
const ACCESS_BYTES = 8 * ACCESSES_PER_INSTRUCTION * PACKET_INSTRUCTIONS;
/** Detail full: one value per access, and the values written to registers. */
export const VALUE_BUFFER = ACCESS_BUFFER + ACCESS_BYTES;
export const REGISTER_BUFFER = VALUE_BUFFER + ACCESS_BYTES;
export const REGISTER_BUFFER_END = REGISTER_BUFFER + 8 * 4 * PACKET_INSTRUCTIONS;

/**
 * Decoded records, 16 bytes for each instruction of a page of code, and one more that crosses into the next page:
 *   +0 u16 handler, +2 six u8 operands, +8 i64 immediate.
 */
export const RECORD_SIZE = 16;
export const RECORDS_PER_PAGE = 1024;
export const RECORD_OPERANDS = 2;
export const RECORD_IMMEDIATE = 8;
export const DECODED_PAGE_SIZE = (RECORDS_PER_PAGE + 1) * RECORD_SIZE;
export const DECODED_PAGES = 4096;
export const DECODED_BASE = Math.ceil(REGISTER_BUFFER_END / 4096) * 4096;

/**
 * Slots of the records that a region begins at, or may: their handler is the first behind the interpreter's own plus the number of
 * the slot. 16 bytes:
 *   +0 u16 the handler without the slot, +2 u16 the region's index in the table of functions,
 *   +4 i32 the budget that the region needs to be entered, NEVER_ENTERED where there is none,
 *   +8 u32 how often the record executes before the slot is hot.
 */
export const SLOT_SIZE = 16;
export const SLOT_COUNT = 32768;
/** Records with handlers from here on have a slot: the handler minus this is its number. */
export const FIRST_SLOT_HANDLER = 2 ** 16 - SLOT_COUNT;
export const SLOT_REGION = 2;
export const SLOT_NEED = 4;
export const SLOT_COUNTER = 8;
export const NEVER_ENTERED = 0x7fff_ffff;
export const SLOT_BASE =
  Math.ceil((DECODED_BASE + DECODED_PAGES * DECODED_PAGE_SIZE) / SLOT_SIZE) * SLOT_SIZE;

/**
 * Shortcuts (shortcuts.ts): for each exception level and SPSel a table of u16, by the low bits of the encoding: what MRS reads, from
 * SHORTCUT_WRITES on what MSR writes, from SHORTCUT_OPERATIONS on what SYS does.
 */
export const SHORTCUT_WRITES = 2 * 2 ** 15;
export const SHORTCUT_OPERATIONS = 2 * SHORTCUT_WRITES;
export const SHORTCUT_TABLE_SIZE = SHORTCUT_OPERATIONS + 2 * 2 ** 14;
export const SHORTCUT_TABLES = 6;
export const SHORTCUT_BASE = SLOT_BASE + SLOT_COUNT * SLOT_SIZE;
/** Constants that MRS reads: they have indices in CpuState.u64 as registers do. */
export const SHORTCUT_CONSTANTS = 0x4000;
export const SHORTCUT_CONSTANT_COUNT = 64;
if (
  STATE_BASE + STATE_SIZE > SHORTCUT_CONSTANTS ||
  SHORTCUT_CONSTANTS + 8 * SHORTCUT_CONSTANT_COUNT > TLB_BASE
)
  throw new Error("the shortcuts' constants are in the way");

/** The table of returns (returns.ts): 16 entries each of EL1 and EL2. */
export const RETURN_BASE = SHORTCUT_BASE + SHORTCUT_TABLES * SHORTCUT_TABLE_SIZE;
export const RETURN_ENTRY = 96;
const RETURN_ENTRIES = 32;

export const MEMORY_BYTES = RETURN_BASE + RETURN_ENTRIES * RETURN_ENTRY;
export const MEMORY_PAGES = Math.ceil(MEMORY_BYTES / 65536);
