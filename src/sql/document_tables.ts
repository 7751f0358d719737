/** Writes docs/tables.md from the schema and the views: `node src/sql/document_tables.ts`. A test keeps the file true. */
import { writeFileSync } from 'node:fs';
import { columnsOf, TABLE_NAMES } from '../trace/columns.ts';
import { type ColumnType, FORMAT_VERSION, TABLES } from '../trace/schema.ts';
import { CONSOLE_LINES_VIEW } from './console_lines.ts';
import { EXITS_VIEW } from './exits.ts';
import { INSTRUCTIONS_VIEW } from './instructions.ts';
import { MEMORY_ACCESSES_VIEW } from './memory_accesses.ts';
import { SYMBOL_FUNCTION_SENTENCE } from './symbol_function.ts';

export const DOCUMENT = new URL('../../docs/tables.md', import.meta.url);

/** Arrow's and DuckDB's name of each type. */
const TYPE_NAMES: { readonly [T in ColumnType]: readonly [string, string] } = {
  u8: ['uint8', 'UTINYINT'],
  i8: ['int8', 'TINYINT'],
  u16: ['uint16', 'USMALLINT'],
  u32: ['uint32', 'UINTEGER'],
  u64: ['uint64', 'UBIGINT'],
  i64: ['int64', 'BIGINT'],
  bool: ['bool', 'BOOLEAN'],
  text: ['dictionary<utf8>', 'VARCHAR'],
  bytes: ['binary', 'BLOB'],
  u64list: ['list<uint64>', 'UBIGINT[]'],
};

export function tablesDocument(): string {
  const lines = [
    '# The tables of a recording',
    '',
    `Generated from \`src/trace/schema.ts\` and the views of \`src/sql\` by \`node src/sql/document_tables.ts\`. Format ${FORMAT_VERSION}.`,
    '',
    'In SQL each table has the name below; `NAME(start, stop)` has only the rows from instruction `start` up to `stop`, and reads',
    'only the parts of the recording that hold them. `fetch` and `values` are words of SQL: write `"fetch"` and `"values"`.',
  ];
  for (const table of TABLE_NAMES) {
    lines.push(
      '',
      `## ${table}`,
      '',
      `${TABLES[table].sentence}.`,
      '',
      '| column | Arrow | SQL | unit | |',
      '| --- | --- | --- | --- | --- |',
    );
    for (const [name, { type, unit, sentence, nullable }] of Object.entries(columnsOf(table))) {
      const [arrow, sql] = TYPE_NAMES[type];
      lines.push(
        `| \`${name}\` | ${arrow}${nullable ? ', nullable' : ''} | ${sql} | ${unit} | ${sentence.replaceAll('|', '\\|')} |`,
      );
    }
  }
  lines.push(
    '',
    '# Views',
    '',
    'Computed when they are asked for; each is also a function `NAME(start, stop)`.',
    '',
    SYMBOL_FUNCTION_SENTENCE,
  );
  for (const { name, sentence, columns } of [
    INSTRUCTIONS_VIEW,
    MEMORY_ACCESSES_VIEW,
    EXITS_VIEW,
    CONSOLE_LINES_VIEW,
  ]) {
    lines.push(
      '',
      `## ${name}`,
      '',
      `${sentence}.`,
      '',
      '| column | SQL | unit | |',
      '| --- | --- | --- | --- |',
    );
    for (const column of columns) {
      const sql = column.type === 'varchar' ? 'VARCHAR' : TYPE_NAMES[column.type][1];
      lines.push(`| \`${column.name}\` | ${sql} | ${column.unit} | ${column.sentence} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

if (import.meta.main) writeFileSync(DOCUMENT, tablesDocument());
